libbilge_a_SOURCES += \
	core/bilge/requests/care.c \
	core/bilge/requests/care_jobs.c core/bilge/requests/care_jobs.h \
	core/bilge/requests/examining.c \
	core/bilge/requests/planning.c \
	core/bilge/requests/pruning.c \
	core/bilge/requests/requests.h
