UNIT_HISTORY = tests/unit/test_elsewhere tests/unit/test_history
check_PROGRAMS += $(UNIT_HISTORY)
TESTS += $(UNIT_HISTORY)
tests_unit_test_history_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_history_LDADD = $(UNIT_LDADD)
tests_unit_test_elsewhere_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_elsewhere_LDADD = $(UNIT_LDADD)
