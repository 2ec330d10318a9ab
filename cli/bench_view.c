#include "cli/bench_view.h"

#include <unistd.h>

#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#define LINE_COLUMNS 79

static void print_clean(struct buf *line, FILE *out)
{
    struct buf clean = {0};
    text_clean(&clean, line->data != NULL ? line->data : "", line->len);
    fprintf(out, "%s\n", clean.data != NULL ? clean.data : "");
    buf_done(&clean);
    buf_done(line);
}

/* ------------------------------------------------------------------- the plan */

static size_t measured_scenarios(const struct bench *bench)
{
    size_t len = 0;
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        len += bench->wanted[scenario];
    return len;
}

static void print_source(const struct bench_service *service, enum bench_variant variant,
                         FILE *out)
{
    const struct bench_source *source = &service->sources[variant];
    struct buf line = {0};
    char size[TEXT_SIZE_SIZE];
    buf_printf(&line, "  %s, %s: copies %s (%zu files, %s)", service->name,
               bench_variant_name(variant), source->context, source->context_files,
               text_size(size, source->context_bytes));
    if (source->code_file != NULL)
        buf_printf(&line, "; code: %s", source->code_file);
    if (source->dependency_file != NULL)
        buf_printf(&line, "; dependencies: %s", source->dependency_file);
    if (source->dependency != NULL)
        buf_printf(&line, " (%s is compiled anew)", source->dependency);
    print_clean(&line, out);
}

static void print_leftovers(const struct bench *bench, FILE *out)
{
    struct buf line = {0};
    if (bench->leftovers_len > 0)
        fputs(
            "It takes away first, with images and cache mounts of the same name, what benchmarks\n"
            "left that did not end:\n",
            out);
    for (size_t i = 0; i < bench->leftovers_len; i++) {
        buf_printf(&line, "  %s/%s/", bench->parent, bench->leftovers[i].mark);
        print_clean(&line, out);
    }
}

void bench_print_plan(const struct bench *bench, FILE *out)
{
    struct buf line = {0};
    size_t scenarios = measured_scenarios(bench);
    buf_printf(&line, "Benchmark of %s: %zu service%s, %zu scenario%s, %zu run%s each: %zu builds.",
               bench->project, bench->services_len, bench->services_len == 1 ? "" : "s", scenarios,
               scenarios == 1 ? "" : "s", bench->rounds, bench->rounds == 1 ? "" : "s",
               bench_steps(bench));
    print_clean(&line, out);
    for (int variant = 0; variant < BENCH_VARIANTS; variant++) {
        buf_printf(&line, "  %-9s  %s", bench_variant_name((enum bench_variant)variant),
                   bench->files[variant]);
        print_clean(&line, out);
    }
    for (size_t i = 0; i < bench->services_len; i++)
        for (int variant = 0; variant < BENCH_VARIANTS; variant++)
            print_source(&bench->services[i], (enum bench_variant)variant, out);
    buf_printf(&line, "It makes, and takes away again when it is done:");
    print_clean(&line, out);
    buf_printf(&line, "  %s/  (the copies, and local caches)", bench->directory);
    print_clean(&line, out);
    buf_printf(&line, "  images named %s-...", bench->mark);
    print_clean(&line, out);
    buf_printf(&line, "  in builder %s: cache mounts %s-..., and the records of the steps that run",
               bench->builder, bench->mark);
    print_clean(&line, out);
    print_leftovers(bench, out);
    if (bench->forgets_steps)
        fputs(BUILDER_FORGETS_STEPS ", each time records are taken away.\n", out);
    fputs("Your files, caches, images, cache mounts and older records are left as they are.\n",
          out);
}

/* ------------------------------------------------------------------- progress */

static void begin_line(struct buf *line, const struct bench *bench, const struct bench_step *step,
                       size_t number)
{
    buf_printf(line, "[%zu/%zu] %s, %s, %s, run %zu: ", number, bench_steps(bench),
               bench->services[step->service].name, bench_variant_name(step->variant),
               bench_scenario_words(step->scenario)->title, step->round + 1);
}

static void print_over(struct buf *line, bool ended, FILE *out)
{
    struct buf clean = {0};
    bool terminal = isatty(fileno(out));
    text_clean(&clean, line->data, line->len);
    size_t columns = 0, len = clean.len;
    if (!ended)
        len = text_fit(clean.data, LINE_COLUMNS, &columns);
    else
        columns = text_width(clean.data);
    fprintf(out, "%s%.*s", terminal ? "\r" : "", (int)len, clean.data);
    if (terminal && columns < LINE_COLUMNS)
        fprintf(out, "%*s", (int)(LINE_COLUMNS - columns), "");
    if (ended)
        fputc('\n', out);
    fflush(out);
    buf_done(&clean);
    buf_done(line);
}

void bench_print_run(const struct bench *bench, const struct bench_step *step,
                     const struct bench_run *run, FILE *out)
{
    struct buf line = {0};
    char took[TEXT_AGE_SIZE];
    begin_line(&line, bench, step, bench->next);
    buf_printf(&line, "%s, %zu of %zu steps cached", text_duration(took, run->duration_ms),
               run->steps_cached, run->steps_over);
    print_over(&line, true, out);
}

void bench_print_now(const struct bench *bench, const struct store *store, FILE *out)
{
    struct buf line = {0};
    char took[TEXT_AGE_SIZE];
    const struct build *build =
        bench->build_id != 0 ? store_build(store, bench->build_id) : NULL;
    if (bench->state == BENCH_CLEANING) {
        buf_printf(&line, "taking away what was built ...");
    } else if (bench->next < bench_steps(bench)) {
        struct bench_step step = bench_step(bench, bench->next);
        begin_line(&line, bench, &step, bench->next + 1);
        if (build != NULL) {
            struct build_counts counts = build_count(build);
            buf_printf(&line, "%s, step %zu/%zu",
                       text_duration(took, clock_mono_ms() - build->started_mono_ms), counts.over,
                       counts.total);
        }
    }
    buf_append_str(&line, "");
    print_over(&line, false, out);
}

/* --------------------------------------------------------------------- result */

static const struct table_column columns[] = {
    {"SERVICE", false}, {"SCENARIO", false},  {"RUNS", true},       {"ORIGINAL", true},
    {"(RANGE)", false}, {"OPTIMISED", true},  {"(RANGE)", false},   {"RATIO", true},
    {"SAVED", true},    {"GUIDE", true},      {"REACHED", false},   {NULL, false},
};

static void add_summary(struct table *table, const struct bench_summary *summary)
{
    char text[TEXT_AGE_SIZE], range[2 * TEXT_AGE_SIZE + 8], most[TEXT_AGE_SIZE];
    if (summary->runs == 0) {
        table_text(table, NULL);
        table_text(table, NULL);
        return;
    }
    table_text(table, text_duration(text, summary->median_ms));
    if (summary->min_ms == summary->max_ms) {
        table_text(table, NULL);
        return;
    }
    snprintf(range, sizeof range, "%s to %s", text_duration(text, summary->min_ms),
             text_duration(most, summary->max_ms));
    table_text(table, range);
}

static void add_gain(struct table *table, const struct bench_service *service,
                     enum bench_scenario scenario)
{
    const struct bench_scenario_words *words = bench_scenario_words(scenario);
    struct bench_gain gain;
    char text[48];
    bool known = bench_compare(service, scenario, &gain);
    snprintf(text, sizeof text, "%.2f", known ? gain.ratio_permille / 1000.0 : 0);
    table_text(table, known ? text : NULL);
    snprintf(text, sizeof text, "%.1f %%", known ? gain.saved_permille / 10.0 : 0);
    table_text(table, known ? text : NULL);
    snprintf(text, sizeof text, "%d-%d %%", words->expected_low, words->expected_high);
    table_text(table, text);
    table_text(table, !known ? NULL : gain.reached ? "yes" : "no");
}

static void add_row(struct table *table, const struct bench_service *service,
                    enum bench_scenario scenario)
{
    struct bench_summary original = bench_summarise(&service->cells[scenario][BENCH_ORIGINAL]);
    struct bench_summary optimised = bench_summarise(&service->cells[scenario][BENCH_OPTIMISED]);
    if (original.runs == 0 && optimised.runs == 0)
        return;
    table_text(table, service->name);
    table_text(table, bench_scenario_words(scenario)->title);
    table_count(table, original.runs < optimised.runs ? original.runs : optimised.runs);
    add_summary(table, &original);
    add_summary(table, &optimised);
    add_gain(table, service, scenario);
}

/* A figure that is not what its row says is worse than none. */
static void print_doubts(const struct bench_service *service, FILE *out)
{
    for (int variant = 0; variant < BENCH_VARIANTS; variant++) {
        const struct bench_cell *first = &service->cells[BENCH_FIRST][variant];
        const struct bench_cell *same = &service->cells[BENCH_NO_CHANGE][variant];
        size_t warm = 0, cold = 0;
        for (size_t i = 0; i < first->len; i++)
            warm += first->runs[i].work_cached > 0;
        for (size_t i = 0; i < same->len; i++)
            cold += same->runs[i].steps_cached < same->runs[i].steps_over;
        struct buf line = {0};
        const char *name = bench_variant_name((enum bench_variant)variant);
        if (warm > 0) {
            buf_printf(&line, "%s, %s: %zu of the first builds found steps in a cache",
                       service->name, name, warm);
            print_clean(&line, out);
        }
        if (cold > 0) {
            buf_printf(&line, "%s, %s: %zu builds without a change were not all CACHED",
                       service->name, name, cold);
            print_clean(&line, out);
        }
    }
}

void bench_print_result(const struct bench *bench, FILE *out)
{
    struct table *table = table_new(columns);
    struct buf line = {0};
    for (size_t i = 0; i < bench->services_len; i++)
        for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
            add_row(table, &bench->services[i], (enum bench_scenario)scenario);
    table_print(table, table_terminal_columns(out), out);
    table_free(table);
    for (size_t i = 0; i < bench->services_len; i++)
        print_doubts(&bench->services[i], out);
    buf_printf(&line, "Medians of whole builds; %s, builder %s, %ld processors.",
               bench->tools != NULL ? bench->tools : "tools not told", bench->builder,
               sysconf(_SC_NPROCESSORS_ONLN));
    print_clean(&line, out);
    char size[TEXT_SIZE_SIZE];
    fprintf(out, "Taken away: %zu images, %zu records (%s).\n", bench->images_removed,
            bench->records_removed, text_size(size, bench->freed_bytes));
}
