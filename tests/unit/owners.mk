UNIT_OWNERS = tests/unit/test_owners tests/unit/test_recipe
check_PROGRAMS += $(UNIT_OWNERS)
TESTS += $(UNIT_OWNERS)
tests_unit_test_owners_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_owners_LDADD = $(UNIT_LDADD)
tests_unit_test_recipe_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_recipe_LDADD = $(UNIT_LDADD)
