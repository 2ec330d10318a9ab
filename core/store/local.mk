libbilge_a_SOURCES += \
	core/store/store.c core/store/store.h core/store/store_private.h \
	core/store/store_builders.c core/store/store_builds.c core/store/store_disks.c \
	core/store/store_services.c \
	core/store/elsewhere.c core/store/elsewhere.h \
	core/store/history.c core/store/history.h core/store/history_db.h \
	core/store/history_builds.c core/store/history_projects.c core/store/history_samples.c \
	core/store/layer_words.c core/store/layer_words.h \
	core/store/owners.c core/store/owners.h core/store/owners_private.h \
	core/store/owners_builds.c core/store/owners_caches.c core/store/owners_keys.c \
	core/store/owners_parents.c core/store/owners_texts.c \
	core/store/record_words.c core/store/record_words.h \
	core/store/usage.c core/store/usage.h \
	core/store/verdict.c core/store/verdict.h \
	core/store/compare.c core/store/compare.h
