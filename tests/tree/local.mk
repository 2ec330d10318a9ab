# The tree of sources itself; nothing is run.
TREE_TESTS = tests/tree/includes.sh
TESTS += $(TREE_TESTS)
EXTRA_DIST += $(TREE_TESTS)
