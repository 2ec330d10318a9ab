UNIT_BUILD = tests/unit/test_build tests/unit/test_buildlog tests/unit/test_compose \
	tests/unit/test_compose_load tests/unit/test_diagnose tests/unit/test_objects tests/unit/test_progress tests/unit/test_reason \
	tests/unit/test_runner
check_PROGRAMS += $(UNIT_BUILD)
TESTS += $(UNIT_BUILD)
EXTRA_DIST += tests/data/build
tests_unit_test_build_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_build_LDADD = $(UNIT_LDADD)
tests_unit_test_buildlog_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_buildlog_LDADD = $(UNIT_LDADD)
tests_unit_test_compose_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_compose_LDADD = $(UNIT_LDADD)
tests_unit_test_compose_load_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_compose_load_LDADD = $(UNIT_LDADD)
tests_unit_test_progress_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_progress_LDADD = $(UNIT_LDADD)
tests_unit_test_reason_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_reason_LDADD = $(UNIT_LDADD)
tests_unit_test_runner_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_runner_LDADD = $(UNIT_LDADD)
tests_unit_test_objects_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_objects_LDADD = $(UNIT_LDADD)
tests_unit_test_diagnose_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_diagnose_LDADD = $(UNIT_LDADD)
