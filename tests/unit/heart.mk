UNIT_HEART = tests/unit/test_store tests/unit/test_query tests/unit/test_plan_caches \
	tests/unit/test_plan_frees tests/unit/test_plan_records tests/unit/test_bilge \
	tests/unit/test_execute
check_PROGRAMS += $(UNIT_HEART)
TESTS += $(UNIT_HEART)
tests_unit_test_store_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_store_LDADD = $(UNIT_LDADD)
tests_unit_test_query_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_query_LDADD = $(UNIT_LDADD)
tests_unit_test_plan_caches_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_caches_LDADD = $(UNIT_LDADD)
tests_unit_test_plan_frees_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_frees_LDADD = $(UNIT_LDADD)
tests_unit_test_plan_records_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_plan_records_LDADD = $(UNIT_LDADD)
tests_unit_test_bilge_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_bilge_LDADD = $(UNIT_LDADD)
tests_unit_test_execute_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_execute_LDADD = $(UNIT_LDADD)
