# One program per core module, linked with the core library alone: this
# proves the layering.
UNIT_LDADD = tests/support/libtestkit.a libbilge.a $(CORE_LIBS) $(CMOCKA_LIBS)
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)

include $(top_srcdir)/tests/unit/base.mk
include $(top_srcdir)/tests/unit/bench.mk
include $(top_srcdir)/tests/unit/heart.mk
include $(top_srcdir)/tests/unit/history.mk
include $(top_srcdir)/tests/unit/forecast.mk
include $(top_srcdir)/tests/unit/free.mk
include $(top_srcdir)/tests/unit/cli.mk
include $(top_srcdir)/tests/unit/build.mk
include $(top_srcdir)/tests/unit/choose.mk
include $(top_srcdir)/tests/unit/engine.mk
include $(top_srcdir)/tests/unit/owners.mk
include $(top_srcdir)/tests/unit/care.mk
include $(top_srcdir)/tests/unit/cache.mk
include $(top_srcdir)/tests/unit/doctor.mk
include $(top_srcdir)/tests/unit/settings.mk
include $(top_srcdir)/tests/unit/tui.mk
