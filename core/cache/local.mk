libbilge_a_SOURCES += \
	core/cache/aside.c core/cache/aside.h \
	core/cache/busy.c core/cache/busy.h core/cache/busy_client.c \
	core/cache/cache.c core/cache/cache.h \
	core/cache/client.c core/cache/client.h \
	core/cache/crew.c core/cache/crew.h \
	core/cache/dedupe.c core/cache/dedupe.h \
	core/cache/entries.c core/cache/entries.h \
	core/cache/folder.c \
	core/cache/gather.c core/cache/gather.h core/cache/gather_private.h \
	core/cache/gather_blobs.c core/cache/gather_parts.c \
	core/cache/generations.c core/cache/generations.h core/cache/generations_compare.c \
	core/cache/glance.c core/cache/glance.h \
	core/cache/graph.c core/cache/graph.h \
	core/cache/keep.c core/cache/keep.h \
	core/cache/hash.c core/cache/hash.h \
	core/cache/index.c core/cache/index.h \
	core/cache/layout.c core/cache/layout.h \
	core/cache/links.c core/cache/links.h \
	core/cache/probe.c \
	core/cache/problems.c core/cache/problems.h \
	core/cache/pull.c core/cache/pull.h \
	core/cache/recover.c core/cache/recover.h \
	core/cache/remove.c core/cache/remove.h \
	core/cache/remove_check.c core/cache/remove_check.h \
	core/cache/remove_note.c core/cache/remove_note.h \
	core/cache/remove_service.c \
	core/cache/root.c core/cache/root.h \
	core/cache/scan.c core/cache/scan.h \
	core/cache/summary.c core/cache/summary.h \
	core/cache/tally.c core/cache/tally.h \
	core/cache/tree.c core/cache/tree.h \
	core/cache/unlink.c core/cache/unlink.h \
	core/cache/watch.c core/cache/watch.h \
	core/cache/repair.c \
	core/cache/restore.c core/cache/restore.h \
	core/cache/verify.c core/cache/verify.h
