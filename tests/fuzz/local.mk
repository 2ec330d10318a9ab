# One program per parser: tests/fuzz/fuzz_<name>.c defines
# LLVMFuzzerTestOneInput(), its seeds are files in tests/fuzz/corpus/<name>/.
# A new one needs two lines here, and nothing else.
FUZZ_TARGETS = tests/fuzz/fuzz_builders \
	tests/fuzz/fuzz_clock \
	tests/fuzz/fuzz_compose \
	tests/fuzz/fuzz_df \
	tests/fuzz/fuzz_du \
	tests/fuzz/fuzz_layout \
	tests/fuzz/fuzz_lines \
	tests/fuzz/fuzz_progress_legacy \
	tests/fuzz/fuzz_progress_plain \
	tests/fuzz/fuzz_progress_rawjson \
	tests/fuzz/fuzz_query_line \
	tests/fuzz/fuzz_recipe \
	tests/fuzz/fuzz_response \
	tests/fuzz/fuzz_settings \
	tests/fuzz/fuzz_sgr \
	tests/fuzz/fuzz_text

tests_fuzz_fuzz_builders_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_clock_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_compose_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_df_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_du_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_layout_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_lines_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_progress_legacy_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_progress_plain_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_progress_rawjson_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_query_line_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_recipe_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_response_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_settings_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_sgr_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_text_LDADD = $(FUZZ_LDADD)
FUZZ_LDADD = $(FUZZ_DRIVER) libtui.a libbilge.a $(CORE_LIBS)

check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/progress.h

if FUZZERS
FUZZ_DRIVER = $(LIB_FUZZING_ENGINE)

# Each target for a while, on a copy of its corpus, which may grow.
FUZZ_SECONDS = 60
.PHONY: fuzz
fuzz: $(FUZZ_TARGETS)
	@set -e; for target in $(FUZZ_TARGETS); do \
		corpus=fuzz-corpus/$${target#tests/fuzz/fuzz_}; \
		$(MKDIR_P) "$$corpus"; \
		echo "== $$target, $(FUZZ_SECONDS) s"; \
		$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
			"$$corpus" "$(abs_top_srcdir)/tests/fuzz/corpus/$${target#tests/fuzz/fuzz_}"; \
	done
else
FUZZ_DRIVER = tests/fuzz/libreplay.a
check_LIBRARIES += tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
TESTS += $(FUZZ_TARGETS)
endif
