# "bilge bench": a program of its own, which bilge becomes (cli/helper.c). A
# library but for main(), so that the unit tests can link with it.
noinst_LIBRARIES += libbench.a
libbench_a_SOURCES = \
	bench/bench.c \
	bench/bench.h \
	bench/change.c \
	bench/change.h \
	bench/context.c \
	bench/context.h \
	bench/frozen.c \
	bench/frozen.h \
	bench/leftover.c \
	bench/leftover.h \
	bench/measure.c \
	bench/measure.h \
	bench/recognise.c \
	bench/recognise.h \
	bench/report.c \
	bench/report.h \
	bench/traces.c \
	bench/traces.h
pkglibexec_PROGRAMS += bilge-bench
bilge_bench_SOURCES = bench/main.c
bilge_bench_LDADD = libbench.a libcli.a libbilge.a $(CORE_LIBS)
