# By hand: make tests/bench/bench_<what>, and run it on a machine that has
# nothing else to do. They print ratios; only these carry over to another one.
EXTRA_PROGRAMS =
EXTRA_PROGRAMS += tests/bench/bench_log
tests_bench_bench_log_LDADD = libbilge.a $(CORE_LIBS)
