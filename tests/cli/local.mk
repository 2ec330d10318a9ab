# The program itself, called as scripts call it. No engine is needed.
CLI_TESTS = \
	tests/cli/bench.sh \
	tests/cli/build.sh \
	tests/cli/care.sh \
	tests/cli/disks.sh \
	tests/cli/entering.sh \
	tests/cli/doctor.sh \
	tests/cli/forecast.sh \
	tests/cli/full.sh \
	tests/cli/guard.sh \
	tests/cli/history.sh \
	tests/cli/hostile.sh \
	tests/cli/hung.sh \
	tests/cli/layouts.sh \
	tests/cli/leaked.sh \
	tests/cli/manual.sh \
	tests/cli/prune.sh \
	tests/cli/readings.sh \
	tests/cli/records.sh \
	tests/cli/roots.sh \
	tests/cli/settings.sh \
	tests/cli/slow.sh \
	tests/cli/status.sh \
	tests/cli/unfinished.sh \
	tests/cli/usage.sh \
	tests/cli/whose.sh
TESTS += $(CLI_TESTS)
check_PROGRAMS += tests/cli/jsontool tests/cli/reading
tests_cli_jsontool_LDADD = $(CJSON_LIBS) -lm
tests_cli_reading_LDADD = $(CJSON_LIBS) -lm
EXTRA_DIST += $(CLI_TESTS) tests/cli/lib.sh tests/cli/mounts.sh tests/cli/reading.sh tests/cli/shapes
