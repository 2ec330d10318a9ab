libbilge_a_SOURCES += \
	core/store/store.c core/store/store.h \
	core/store/change.c
