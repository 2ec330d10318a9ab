# 300 random worlds with every run of the tests; by hand, as many as one likes:
#   tests/attack/layouts/layouts.py --bilge build/bilge --seeds 10000
LAYOUT_TESTS = tests/attack/layouts/layouts.sh tests/attack/layouts/saboteur.sh
TESTS += $(LAYOUT_TESTS)
EXTRA_DIST += $(LAYOUT_TESTS) \
	tests/attack/layouts/command.py tests/attack/layouts/judge.py tests/attack/layouts/layout.py \
	tests/attack/layouts/layouts.py tests/attack/layouts/saboteur.py tests/attack/layouts/world.py
