libbilge_a_SOURCES += \
	core/bilge/engines/contexts.c \
	core/bilge/engines/elsewhere.c \
	core/bilge/engines/engines.c core/bilge/engines/engines.h \
	core/bilge/engines/owning.c
