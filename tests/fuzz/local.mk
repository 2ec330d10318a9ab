# One program per parser: tests/fuzz/fuzz_<name>.c defines
# LLVMFuzzerTestOneInput(), its seeds are files in tests/fuzz/corpus/<name>/.
# A new one needs one line here, and nothing else.
FUZZ_TARGETS =
FUZZ_TARGETS += tests/fuzz/fuzz_builders
FUZZ_TARGETS += tests/fuzz/fuzz_clock
FUZZ_TARGETS += tests/fuzz/fuzz_compose
FUZZ_TARGETS += tests/fuzz/fuzz_df
FUZZ_TARGETS += tests/fuzz/fuzz_du
FUZZ_TARGETS += tests/fuzz/fuzz_layout
FUZZ_TARGETS += tests/fuzz/fuzz_lines
FUZZ_TARGETS += tests/fuzz/fuzz_progress_legacy
FUZZ_TARGETS += tests/fuzz/fuzz_progress_plain
FUZZ_TARGETS += tests/fuzz/fuzz_progress_rawjson
FUZZ_TARGETS += tests/fuzz/fuzz_query_line
FUZZ_TARGETS += tests/fuzz/fuzz_recipe
FUZZ_TARGETS += tests/fuzz/fuzz_response
FUZZ_TARGETS += tests/fuzz/fuzz_settings
FUZZ_TARGETS += tests/fuzz/fuzz_sgr
FUZZ_TARGETS += tests/fuzz/fuzz_text
tests_fuzz_fuzz_sgr_LDADD = $(FUZZ_DRIVER) libtui.a libbilge.a $(CORE_LIBS)

# Programs that name no libraries of their own get these: so the targets need
# no lines of their own above.
LDADD = $(FUZZ_DRIVER) libbilge.a $(CORE_LIBS)

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
