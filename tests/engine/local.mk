# On a real engine, tests/support/engine, whose directory BILGE_TEST_ENGINE_DIR
# names; without it these programs skip themselves.
check_LIBRARIES += tests/engine/liblab.a
tests_engine_liblab_a_SOURCES = tests/engine/lab.c tests/engine/lab.h

ENGINE_TESTS = tests/engine/test_headless tests/engine/test_screen tests/engine/test_flood
check_PROGRAMS += $(ENGINE_TESTS)
TESTS += $(ENGINE_TESTS)

CACHE_ENGINE_TESTS = tests/engine/caches.sh tests/engine/prune.sh tests/engine/race.sh tests/engine/owners.sh \
	tests/engine/bench.sh tests/engine/builders.sh
TESTS += $(CACHE_ENGINE_TESTS)
EXTRA_DIST += $(CACHE_ENGINE_TESTS) tests/engine/lib.sh
tests/engine/caches.log: tests/engine/test_screen.log tests/engine/test_flood.log
tests/engine/prune.log: tests/engine/caches.log
tests/engine/owners.log: tests/engine/prune.log
tests/engine/race.log: tests/engine/owners.log

# Builds, on the engine of each suite. What uses the same engine goes one after the other.
BUILD_ENGINE_TESTS = tests/engine/builds.sh tests/engine/builds-bookworm.sh tests/engine/builds-forky.sh tests/engine/compose1.sh tests/engine/elsewhere.sh tests/engine/history.sh
TESTS += $(BUILD_ENGINE_TESTS)
EXTRA_DIST += $(BUILD_ENGINE_TESTS) tests/engine/suite.sh
tests/engine/builds.log: tests/engine/race.log
tests/engine/compose1.log: tests/engine/builds-bookworm.log
tests/engine/history.log: tests/engine/builds.log
tests/engine/bench.log: tests/engine/history.log
tests/engine/elsewhere.log: tests/engine/builds-forky.log
tests/engine/builders.log: tests/engine/bench.log
