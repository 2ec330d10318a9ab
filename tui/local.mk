# The full-screen face; the only part that knows curses.
libtui_a_SOURCES = \
	tui/app.c tui/app.h tui/app_state.h \
	tui/ask.c tui/ask.h \
	tui/build_requests.c \
	tui/build_tree.c tui/build_tree.h tui/build_tree_private.h \
	tui/build_tree_folds.c tui/build_tree_groups.c tui/build_tree_inside.c \
	tui/canvas.c tui/canvas.h \
	tui/care_links.c tui/care_links.h \
	tui/care_screen.c tui/care_screen.h \
	tui/crash.c tui/crash.h \
	tui/details.c tui/details.h \
	tui/details_blobs.c \
	tui/details_generations.c \
	tui/details_pages.c tui/details_pages.h \
	tui/disk_gauge.c tui/disk_gauge.h \
	tui/disk_screen.c tui/disk_screen.h \
	tui/doctor_screen.c tui/doctor_screen.h \
	tui/footer.c \
	tui/format.c tui/format.h \
	tui/header.c tui/header.h \
	tui/help.c tui/help.h \
	tui/history_page.c tui/history_page.h \
	tui/history_screen.c tui/history_screen.h \
	tui/input.c tui/input.h \
	tui/keymap.c tui/keymap.h \
	tui/layout.c tui/layout.h \
	tui/list.c tui/list.h \
	tui/log_commands.c \
	tui/log_draw.c tui/log_draw.h \
	tui/log_line.c tui/log_line.h \
	tui/log_save.c tui/log_save.h \
	tui/log_scope.c tui/log_scope.h \
	tui/log_screen.c tui/log_screen.h tui/log_search.c tui/log_state.h \
	tui/log_view.c tui/log_view.h \
	tui/main_builds.c tui/main_commands.c tui/main_screen.c tui/main_screen.h tui/main_state.h \
	tui/notices.c tui/notices.h \
	tui/page.c tui/page.h tui/page_screen.c tui/page_screen.h \
	tui/pane.c tui/pane.h tui/pane_records.c tui/pane_services.c \
	tui/pane_build.c tui/pane_build_private.h tui/pane_build_rows.c \
	tui/pane_build_steps.c tui/pane_build_title.c \
	tui/paths_screen.c tui/paths_screen.h \
	tui/places.c tui/places.h tui/places_screen.c tui/places_screen.h \
	tui/plan_rows.c tui/plan_rows.h \
	tui/plan_screen.c tui/plan_screen.h tui/plan_state.h tui/plan_view.c \
	tui/progress_screen.c tui/progress_screen.h \
	tui/prune_menu.c tui/prune_menu.h \
	tui/quit.c tui/quit.h \
	tui/requests.c \
	tui/screen.h \
	tui/scroll.c tui/scroll.h \
	tui/sgr.c tui/sgr.h \
	tui/table.c tui/table.h \
	tui/targets.c tui/targets.h \
	tui/term.c tui/term.h \
	tui/theme.c tui/theme.h \
	tui/tui.h
libtui_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)
