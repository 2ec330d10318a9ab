libbilge_a_SOURCES += \
	core/bilge/benching/benching.c core/bilge/benching/benching.h \
	core/bilge/benching/benching_build.c \
	core/bilge/benching/benching_clean.c \
	core/bilge/benching/benching_private.h \
	core/bilge/benching/benching_read.c \
	core/bilge/benching/benching_requests.c \
	core/bilge/benching/benching_stage.c
