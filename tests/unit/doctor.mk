UNIT_DOCTOR = tests/unit/test_doctor tests/unit/test_sums
check_PROGRAMS += $(UNIT_DOCTOR)
TESTS += $(UNIT_DOCTOR)
tests_unit_test_doctor_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_doctor_LDADD = $(UNIT_LDADD)
tests_unit_test_sums_SOURCES = tests/unit/test_sums.c $(CACHE_KIT)
tests_unit_test_sums_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sums_LDADD = $(UNIT_LDADD)
