libbilge_a_SOURCES += \
	core/build/run/compat.c core/build/run/compat.h \
	core/build/run/compat_probe.c \
	core/build/run/runner.c core/build/run/runner.h \
	core/build/run/runner_command.c \
	core/build/run/runner_output.c \
	core/build/run/runner_private.h \
	core/build/run/tool.c core/build/run/tool.h
