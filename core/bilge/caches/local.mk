libbilge_a_SOURCES += \
	core/bilge/caches/caches.c core/bilge/caches/caches.h \
	core/bilge/caches/rescans.c \
	core/bilge/caches/roots.c \
	core/bilge/caches/services.c \
	core/bilge/caches/watching.c
