# From the bottom up, as in core/local.mk; what a build is, between the two halves.
include $(top_srcdir)/core/build/dockerfile/local.mk
include $(top_srcdir)/core/build/compose/local.mk
include $(top_srcdir)/core/build/log/local.mk

libbilge_a_SOURCES += \
	core/build/build.c core/build/build.h \
	core/build/changed.c core/build/changed.h \
	core/build/diagnose.c core/build/diagnose.h \
	core/build/step.c \
	core/build/transfer.c

include $(top_srcdir)/core/build/progress/local.mk
include $(top_srcdir)/core/build/run/local.mk
