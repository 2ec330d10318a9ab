libbilge_a_SOURCES += \
	core/bilge.h \
	core/bilge/benching.c core/bilge/benching.h \
	core/bilge/benching_build.c \
	core/bilge/benching_clean.c \
	core/bilge/benching_read.c \
	core/bilge/benching_stage.c \
	core/bilge/bilge.c core/bilge/parts.h \
	core/bilge/builds.c core/bilge/builds_private.h core/bilge/builds_running.c core/bilge/builds_spill.c \
	core/bilge/caches.c \
	core/bilge/care.c core/bilge/care_jobs.c core/bilge/care_jobs.h \
	core/bilge/contexts.c \
	core/bilge/disks.c \
	core/bilge/elsewhere.c \
	core/bilge/engines.c \
	core/bilge/examining.c \
	core/bilge/excerpts.c \
	core/bilge/judging.c core/bilge/judging.h \
	core/bilge/memory.c \
	core/bilge/outlook.c \
	core/bilge/owning.c \
	core/bilge/planning.c \
	core/bilge/project.c \
	core/bilge/pruning.c \
	core/bilge/recipes.c \
	core/bilge/recording.c \
	core/bilge/rescans.c \
	core/bilge/roots.c \
	core/bilge/services.c \
	core/bilge/spots.c core/bilge/spots.h \
	core/bilge/trends.c \
	core/bilge/watching.c
