UNIT_SETTINGS = tests/unit/test_settings tests/unit/test_level
check_PROGRAMS += $(UNIT_SETTINGS)
TESTS += $(UNIT_SETTINGS)
tests_unit_test_settings_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_settings_LDADD = $(UNIT_LDADD)
tests_unit_test_level_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_level_LDADD = $(UNIT_LDADD)
