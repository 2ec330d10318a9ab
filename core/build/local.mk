libbilge_a_SOURCES += \
	core/build/build.c core/build/build.h \
	core/build/buildlog.c core/build/buildlog.h \
	core/build/compose.c core/build/compose.h \
	core/build/compose_load.c \
	core/build/progress.h core/build/progress_plain.c \
	core/build/reason.c core/build/reason.h \
	core/build/runner.c core/build/runner.h \
	core/build/step.c \
	core/build/tool.c core/build/tool.h
