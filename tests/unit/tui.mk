# The parts of the screen that know no terminal; linking them without curses
# proves that.
UNIT_TUI = tests/unit/test_build_tree tests/unit/test_log_line tests/unit/test_notices tests/unit/test_keymap tests/unit/test_layout tests/unit/test_list \
	tests/unit/test_sgr tests/unit/test_scroll
check_PROGRAMS += $(UNIT_TUI)
TESTS += $(UNIT_TUI)
UNIT_TUI_LDADD = tests/support/libtestkit.a libtui.a libbilge.a $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_notices_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_notices_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_keymap_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_keymap_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_layout_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_layout_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_list_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_list_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_sgr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sgr_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_scroll_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_scroll_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_build_tree_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_build_tree_LDADD = $(UNIT_TUI_LDADD)
tests_unit_test_log_line_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_log_line_LDADD = $(UNIT_TUI_LDADD)
