# One program for each module: tests/unit/test_<name>.c. They are linked with the libraries alone, without curses:
# that proves the layering. A new one needs one line here.
check_LIBRARIES += tests/unit/libunitkit.a
tests_unit_libunitkit_a_SOURCES = \
	tests/unit/cache_kit.c \
	tests/unit/cache_kit.h \
	tests/unit/care_kit.c \
	tests/unit/care_kit.h \
	tests/unit/engine_kit.c \
	tests/unit/engine_kit.h \
	tests/unit/fs_kit.c \
	tests/unit/fs_kit.h \
	tests/unit/run_kit.c \
	tests/unit/run_kit.h

UNIT_TESTS = \
	tests/unit/test_api \
	tests/unit/test_bare \
	tests/unit/test_bench \
	tests/unit/test_bench_context \
	tests/unit/test_bilge \
	tests/unit/test_bilge_builds \
	tests/unit/test_bilge_removal \
	tests/unit/test_build \
	tests/unit/test_build_kind \
	tests/unit/test_build_tree \
	tests/unit/test_builders \
	tests/unit/test_buildlog \
	tests/unit/test_builds \
	tests/unit/test_cache_busy \
	tests/unit/test_cache_damage \
	tests/unit/test_cache_faults \
	tests/unit/test_cache_generations \
	tests/unit/test_cache_kill \
	tests/unit/test_cache_kinds \
	tests/unit/test_cache_layout \
	tests/unit/test_cache_races \
	tests/unit/test_cache_remove \
	tests/unit/test_cache_scan \
	tests/unit/test_cache_unlink \
	tests/unit/test_cache_unread \
	tests/unit/test_cache_watch \
	tests/unit/test_cache_whole \
	tests/unit/test_care \
	tests/unit/test_changed \
	tests/unit/test_chart \
	tests/unit/test_cheapest \
	tests/unit/test_cli_json \
	tests/unit/test_cli_listing \
	tests/unit/test_cli_options \
	tests/unit/test_cli_plan_view \
	tests/unit/test_cli_selectors \
	tests/unit/test_cli_session \
	tests/unit/test_cli_stream \
	tests/unit/test_cli_table \
	tests/unit/test_clock \
	tests/unit/test_compat \
	tests/unit/test_compose \
	tests/unit/test_compose_load \
	tests/unit/test_diagnose \
	tests/unit/test_dockerfile \
	tests/unit/test_doctor \
	tests/unit/test_endpoint \
	tests/unit/test_engine \
	tests/unit/test_engine_builds \
	tests/unit/test_engine_prune \
	tests/unit/test_engine_refresh \
	tests/unit/test_err \
	tests/unit/test_errorline \
	tests/unit/test_escape \
	tests/unit/test_execute \
	tests/unit/test_expression \
	tests/unit/test_forecast \
	tests/unit/test_free \
	tests/unit/test_fs \
	tests/unit/test_growth \
	tests/unit/test_history \
	tests/unit/test_history_file \
	tests/unit/test_http \
	tests/unit/test_keymap \
	tests/unit/test_lane \
	tests/unit/test_layout \
	tests/unit/test_lines \
	tests/unit/test_list \
	tests/unit/test_log_line \
	tests/unit/test_logscan \
	tests/unit/test_mem \
	tests/unit/test_notices \
	tests/unit/test_objects \
	tests/unit/test_outlook \
	tests/unit/test_owners \
	tests/unit/test_path \
	tests/unit/test_plan_caches \
	tests/unit/test_plan_frees \
	tests/unit/test_plan_named \
	tests/unit/test_leaks \
	tests/unit/test_plan_records \
	tests/unit/test_plan_selected \
	tests/unit/test_plan_whole \
	tests/unit/test_plan_whose \
	tests/unit/test_plan_words \
	tests/unit/test_process \
	tests/unit/test_process_capture \
	tests/unit/test_progress \
	tests/unit/test_query \
	tests/unit/test_query_match \
	tests/unit/test_reason \
	tests/unit/test_recipe \
	tests/unit/test_record \
	tests/unit/test_remarks \
	tests/unit/test_response \
	tests/unit/test_root \
	tests/unit/test_runner \
	tests/unit/test_scroll \
	tests/unit/test_session \
	tests/unit/test_settings \
	tests/unit/test_sgr \
	tests/unit/test_store \
	tests/unit/test_strlist \
	tests/unit/test_sums \
	tests/unit/test_text \
	tests/unit/test_threshold \
	tests/unit/test_trends
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

# What stands in for the processes of the machine must not be taken from the library.
PLACE_KIT = tests/unit/place_kit.c tests/unit/place_kit.h
tests_unit_test_cache_kinds_SOURCES = tests/unit/test_cache_kinds.c $(PLACE_KIT)
tests_unit_test_cache_races_SOURCES = tests/unit/test_cache_races.c $(PLACE_KIT)
tests_unit_test_cache_remove_SOURCES = tests/unit/test_cache_remove.c $(PLACE_KIT)
tests_unit_test_cache_whole_SOURCES = tests/unit/test_cache_whole.c $(PLACE_KIT)

EXTRA_DIST += tests/data/build tests/data/cache tests/data/diagnose tests/data/engine tests/data/logs

# What starts threads: ./check runs these under ThreadSanitizer, too.
THREAD_TESTS = tests/unit/test_bilge tests/unit/test_bilge_builds tests/unit/test_bilge_removal tests/unit/test_builds \
	tests/unit/test_cache_busy tests/unit/test_cache_damage tests/unit/test_cache_generations \
	tests/unit/test_cache_races tests/unit/test_cache_remove tests/unit/test_cache_scan tests/unit/test_cache_watch \
	tests/unit/test_cache_whole tests/unit/test_care tests/unit/test_engine tests/unit/test_engine_prune \
	tests/unit/test_engine_refresh tests/unit/test_execute tests/unit/test_cache_unlink tests/unit/test_history \
	tests/unit/test_logscan tests/unit/test_process tests/unit/test_session tests/unit/test_sums
