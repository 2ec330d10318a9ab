# What several kinds of tests share.
check_LIBRARIES += tests/support/libtestkit.a
tests_support_libtestkit_a_SOURCES = \
	tests/support/fake_tool.c tests/support/fake_tool.h \
	tests/support/limit.c tests/support/limit.h \
	tests/support/loop.c tests/support/loop.h \
	tests/support/peer.c tests/support/peer.h \
	tests/support/tempdir.c tests/support/tempdir.h \
	tests/support/tree_copy.c
tests_support_libtestkit_a_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
