UNIT_BENCH = tests/unit/test_bench tests/unit/test_bench_context
check_PROGRAMS += $(UNIT_BENCH)
TESTS += $(UNIT_BENCH)
tests_unit_test_bench_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_bench_LDADD = $(UNIT_LDADD)
tests_unit_test_bench_context_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_bench_context_LDADD = $(UNIT_LDADD)
