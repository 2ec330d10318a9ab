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

check_PROGRAMS += tests/unit/test_session
TESTS += tests/unit/test_session
tests_unit_test_session_SOURCES = tests/unit/test_session.c $(RUN_KIT)
tests_unit_test_session_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_session_LDADD = $(UNIT_LDADD)

# What starts threads: ./check runs these under ThreadSanitizer, too.
THREAD_TESTS = tests/unit/test_bilge tests/unit/test_bilge_builds tests/unit/test_bilge_removal tests/unit/test_builds \
	tests/unit/test_cache_busy tests/unit/test_cache_damage tests/unit/test_cache_generations \
	tests/unit/test_cache_races tests/unit/test_cache_remove tests/unit/test_cache_scan tests/unit/test_cache_watch \
	tests/unit/test_cache_whole tests/unit/test_care tests/unit/test_engine tests/unit/test_engine_prune \
	tests/unit/test_engine_refresh tests/unit/test_execute tests/unit/test_fs_remove tests/unit/test_history \
	tests/unit/test_logscan tests/unit/test_process tests/unit/test_session tests/unit/test_sums
