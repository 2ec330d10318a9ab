UNIT_OWNERS = tests/unit/test_owners
check_PROGRAMS += $(UNIT_OWNERS)
TESTS += $(UNIT_OWNERS)
tests_unit_test_owners_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_owners_LDADD = $(UNIT_LDADD)
