libbilge_a_SOURCES += \
	core/bilge/memory/disks.c \
	core/bilge/memory/memory.c core/bilge/memory/memory.h \
	core/bilge/memory/note.c core/bilge/memory/note.h \
	core/bilge/memory/outlook.c \
	core/bilge/memory/projects.c \
	core/bilge/memory/spots.c core/bilge/memory/spots.h \
	core/bilge/memory/trends.c
