libbilge_a_SOURCES += \
	core/bench/bench.c core/bench/bench.h \
	core/bench/change.c core/bench/change.h \
	core/bench/context.c core/bench/context.h core/bench/context_copy.c \
	core/bench/frozen.c core/bench/frozen.h \
	core/bench/ignored.c core/bench/ignored.h \
	core/bench/leftover.c core/bench/leftover.h \
	core/bench/lockfile.c core/bench/lockfile.h \
	core/bench/mark.c core/bench/mark.h \
	core/bench/recognise.c core/bench/recognise.h \
	core/bench/traces.c core/bench/traces.h
