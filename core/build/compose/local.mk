libbilge_a_SOURCES += \
	core/build/compose/bare.c core/build/compose/bare.h \
	core/build/compose/bare_text.c \
	core/build/compose/compose.c core/build/compose/compose.h \
	core/build/compose/compose_cache.c \
	core/build/compose/compose_find.c \
	core/build/compose/compose_load.c
