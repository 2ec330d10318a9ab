UNIT_CHOOSE = tests/unit/test_choose
check_PROGRAMS += $(UNIT_CHOOSE)
TESTS += $(UNIT_CHOOSE)
tests_unit_test_choose_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_choose_LDADD = $(UNIT_LDADD)
