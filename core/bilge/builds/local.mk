libbilge_a_SOURCES += \
	core/bilge/builds/build_row.c core/bilge/builds/build_row.h \
	core/bilge/builds/builds.c core/bilge/builds/builds.h \
	core/bilge/builds/builds_private.h \
	core/bilge/builds/builds_running.c \
	core/bilge/builds/builds_spill.c \
	core/bilge/builds/excerpts.c \
	core/bilge/builds/judging.c core/bilge/builds/judging.h \
	core/bilge/builds/recording.c
