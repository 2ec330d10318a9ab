libbilge_a_SOURCES += \
	core/cache/busy.c core/cache/busy.h \
	core/cache/cache.c core/cache/cache.h \
	core/cache/crew.c core/cache/crew.h \
	core/cache/entries.c core/cache/entries.h \
	core/cache/folder.c \
	core/cache/gather.c core/cache/gather.h \
	core/cache/generations.c core/cache/generations.h \
	core/cache/graph.c core/cache/graph.h \
	core/cache/layout.c core/cache/layout.h \
	core/cache/links.c core/cache/links.h \
	core/cache/remove.h \
	core/cache/scan.c core/cache/scan.h \
	core/cache/summary.c core/cache/summary.h \
	core/cache/tree.c core/cache/tree.h \
	core/cache/watch.h
