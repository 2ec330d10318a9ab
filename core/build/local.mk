libbilge_a_SOURCES += \
	core/build/build.c core/build/build.h \
	core/build/buildlog.c core/build/buildlog.h \
	core/build/compose.c core/build/compose.h \
	core/build/progress_plain.c core/build/progress_plain.h \
	core/build/reason.c core/build/reason.h \
	core/build/step.c
