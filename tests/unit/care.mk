UNIT_CARE = tests/unit/test_care
check_PROGRAMS += $(UNIT_CARE)
TESTS += $(UNIT_CARE)
tests_unit_test_care_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_care_LDADD = $(UNIT_LDADD)
