# The parts of the command line that need neither a terminal nor a store.
UNIT_CLI = tests/unit/test_cli_json tests/unit/test_cli_listing tests/unit/test_cli_options \
	tests/unit/test_cli_plan_view \
	tests/unit/test_cli_selectors tests/unit/test_cli_stream tests/unit/test_cli_table
check_PROGRAMS += $(UNIT_CLI)
TESTS += $(UNIT_CLI)
tests_unit_test_cli_json_SOURCES = tests/unit/test_cli_json.c cli/json.c
tests_unit_test_cli_json_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_json_LDADD = $(UNIT_LDADD)
tests_unit_test_cli_listing_SOURCES = tests/unit/test_cli_listing.c cli/listing.c
tests_unit_test_cli_listing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_listing_LDADD = $(UNIT_LDADD)
tests_unit_test_cli_options_SOURCES = tests/unit/test_cli_options.c cli/options.c
tests_unit_test_cli_options_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_options_LDADD = $(UNIT_LDADD)
tests_unit_test_cli_selectors_SOURCES = tests/unit/test_cli_selectors.c cli/options.c \
	cli/selectors.c
tests_unit_test_cli_selectors_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_selectors_LDADD = $(UNIT_LDADD)
tests_unit_test_cli_stream_SOURCES = tests/unit/test_cli_stream.c cli/stream.c
tests_unit_test_cli_stream_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_stream_LDADD = $(UNIT_LDADD)
tests_unit_test_cli_table_SOURCES = tests/unit/test_cli_table.c cli/table.c
tests_unit_test_cli_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_table_LDADD = $(UNIT_LDADD)
tests_unit_test_cli_plan_view_SOURCES = tests/unit/test_cli_plan_view.c cli/json.c cli/plan_view.c \
	cli/table.c
tests_unit_test_cli_plan_view_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_plan_view_LDADD = $(UNIT_LDADD)
