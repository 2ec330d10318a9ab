libbilge_a_SOURCES += \
	core/bilge.h \
	core/bilge/bilge.c core/bilge/parts.h \
	core/bilge/project.c \
	core/bilge/recipes.c

include $(top_srcdir)/core/bilge/benching/local.mk
include $(top_srcdir)/core/bilge/builds/local.mk
include $(top_srcdir)/core/bilge/caches/local.mk
include $(top_srcdir)/core/bilge/engines/local.mk
include $(top_srcdir)/core/bilge/memory/local.mk
include $(top_srcdir)/core/bilge/requests/local.mk
