# The real program in a pseudo terminal, read through libvterm.
check_LIBRARIES += tests/screen/libscreenkit.a
tests_screen_libscreenkit_a_SOURCES = \
	tests/screen/expect.c \
	tests/screen/golden.c tests/screen/golden.h \
	tests/screen/screen_text.c \
	tests/screen/stage.c tests/screen/stage.h \
	tests/screen/terminal.c tests/screen/terminal.h tests/screen/terminal_private.h

SCREEN_TESTS = tests/screen/test_build tests/screen/test_build_tree tests/screen/test_can_fail tests/screen/test_care tests/screen/test_disks tests/screen/test_filled tests/screen/test_flood \
	tests/screen/test_harness tests/screen/test_headless tests/screen/test_hung tests/screen/test_lists tests/screen/test_log tests/screen/test_manners tests/screen/test_old_plan \
	tests/screen/test_places tests/screen/test_prune tests/screen/test_signals tests/screen/test_small tests/screen/test_trouble
check_PROGRAMS += $(SCREEN_TESTS) tests/screen/toy tests/screen/bilge-later
TESTS += $(SCREEN_TESTS)
XFAIL_TESTS += tests/screen/test_can_fail
EXTRA_DIST += tests/screen/golden tests/data/screen

# The program itself, but for its clock, which tests set ahead.
tests_screen_bilge_later_SOURCES = tests/screen/later.c
tests_screen_bilge_later_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_now
tests_screen_bilge_later_LDADD = $(bilge_OBJECTS) $(bilge_LDADD)
tests_screen_toy_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)
tests_screen_toy_LDADD = $(NCURSES_LIBS)
