UNIT_CACHE = tests/unit/test_cache_busy tests/unit/test_cache_damage \
	tests/unit/test_cache_generations tests/unit/test_cache_kill \
	tests/unit/test_cache_layout tests/unit/test_cache_races \
	tests/unit/test_cache_remove tests/unit/test_cache_whole \
	tests/unit/test_cache_scan tests/unit/test_cache_unlink \
	tests/unit/test_cache_watch
check_PROGRAMS += $(UNIT_CACHE)
TESTS += $(UNIT_CACHE)
EXTRA_DIST += tests/data/cache
CACHE_KIT = tests/unit/cache_kit.c tests/unit/cache_kit.h
PLACE_KIT = tests/unit/place_kit.c tests/unit/place_kit.h $(CACHE_KIT)
tests_unit_test_cache_busy_SOURCES = tests/unit/test_cache_busy.c $(CACHE_KIT)
tests_unit_test_cache_busy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_busy_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_kill_SOURCES = tests/unit/test_cache_kill.c $(CACHE_KIT)
tests_unit_test_cache_kill_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_kill_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_layout_SOURCES = tests/unit/test_cache_layout.c $(CACHE_KIT)
tests_unit_test_cache_layout_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_layout_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_remove_SOURCES = tests/unit/test_cache_remove.c $(PLACE_KIT)
tests_unit_test_cache_remove_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_remove_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_scan_SOURCES = tests/unit/test_cache_scan.c $(CACHE_KIT)
tests_unit_test_cache_scan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_scan_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_unlink_SOURCES = tests/unit/test_cache_unlink.c $(FS_KIT)
tests_unit_test_cache_unlink_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_unlink_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_watch_SOURCES = tests/unit/test_cache_watch.c $(CACHE_KIT)
tests_unit_test_cache_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_watch_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_generations_SOURCES = tests/unit/test_cache_generations.c $(CACHE_KIT)
tests_unit_test_cache_generations_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_generations_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_damage_SOURCES = tests/unit/test_cache_damage.c $(CACHE_KIT)
tests_unit_test_cache_damage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_damage_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_races_SOURCES = tests/unit/test_cache_races.c $(PLACE_KIT)
tests_unit_test_cache_races_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_races_LDADD = $(UNIT_LDADD)
tests_unit_test_cache_whole_SOURCES = tests/unit/test_cache_whole.c $(PLACE_KIT)
tests_unit_test_cache_whole_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cache_whole_LDADD = $(UNIT_LDADD)
