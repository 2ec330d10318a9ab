# By hand: make tests/bench/bench_<what>, and run it on a machine that has
# nothing else to do. They print ratios; only these carry over to another one.
EXTRA_PROGRAMS =
EXTRA_PROGRAMS += tests/bench/bench_log
tests_bench_bench_log_LDADD = libbilge.a $(CORE_LIBS)
EXTRA_PROGRAMS += tests/bench/bench_scan tests/bench/bench_remove
BENCH_TREES = tests/bench/trees.c tests/bench/trees.h
tests_bench_bench_scan_SOURCES = tests/bench/bench_scan.c $(BENCH_TREES)
tests_bench_bench_scan_LDADD = libbilge.a $(CORE_LIBS)
tests_bench_bench_remove_SOURCES = tests/bench/bench_remove.c $(BENCH_TREES)
tests_bench_bench_remove_LDADD = libbilge.a $(CORE_LIBS)
EXTRA_PROGRAMS += tests/bench/bench_keys
# With what the screen's tests have in their environment.
bench-keys: all tests/bench/bench_keys$(EXEEXT) tests/support/flood$(EXEEXT) \
		tests/support/fake-engine$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) tests/bench/bench_keys$(EXEEXT)
