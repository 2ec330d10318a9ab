UNIT_FREE = tests/unit/test_free
check_PROGRAMS += $(UNIT_FREE)
TESTS += $(UNIT_FREE)
tests_unit_test_free_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_free_LDADD = $(UNIT_LDADD)
