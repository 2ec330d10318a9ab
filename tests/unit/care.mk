UNIT_CARE = tests/unit/test_care
check_PROGRAMS += $(UNIT_CARE)
TESTS += $(UNIT_CARE)
CARE_KIT = tests/unit/care_kit.c tests/unit/care_kit.h
tests_unit_test_care_SOURCES = tests/unit/test_care.c $(CARE_KIT)
tests_unit_test_care_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_care_LDADD = $(UNIT_LDADD)
