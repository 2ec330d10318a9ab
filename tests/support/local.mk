# What several kinds of tests share.
check_LIBRARIES += tests/support/libtestkit.a
tests_support_libtestkit_a_SOURCES = \
	tests/support/fake_tool.c tests/support/fake_tool.h \
	tests/support/fake_cache.c tests/support/fake_cache.h \
	tests/support/hung.c tests/support/hung.h \
	tests/support/limit.c tests/support/limit.h \
	tests/support/loop.c tests/support/loop.h \
	tests/support/peak.c tests/support/peak.h \
	tests/support/peer.c tests/support/peer.h \
	tests/support/plan_world.c tests/support/plan_world.h \
	tests/support/tempdir.c tests/support/tempdir.h \
	tests/support/tree.c tests/support/tree.h \
	tests/support/world.c tests/support/world.h tests/support/world_engine.c

check_PROGRAMS += tests/support/fake-engine tests/support/flood tests/support/with-hung
tests_support_with_hung_SOURCES = tests/support/with_hung.c
tests_support_with_hung_LDADD = tests/support/libtestkit.a libbilge.a $(CORE_LIBS)
tests_support_flood_SOURCES = tests/support/flood.c
tests_support_flood_LDADD = libbilge.a $(CORE_LIBS)
tests_support_fake_engine_SOURCES = tests/support/fake_engine.c
tests_support_fake_engine_LDADD = libbilge.a $(CORE_LIBS)
EXTRA_DIST += tests/support/fake-docker tests/support/tap tests/support/engine tests/support/format tests/support/setup.sh tests/sample .ci/run
