#include "bench/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#define LINE_COLUMNS 79

/* Text of any origin, made safe. */
static void say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(FILE *out, const char *format, ...)
{
    char *text;
    struct buf clean = {0};
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0) {
        text_clean(&clean, text, strlen(text));
        fprintf(out, "%s\n", clean.data != NULL ? clean.data : "");
        free(text);
    }
    va_end(args);
    buf_done(&clean);
}

/* ------------------------------------------------------------------- the plan */

static const char *plural(size_t number)
{
    return number == 1 ? "" : "s";
}

static void say_source(const struct bench_service *service, enum bench_variant variant, FILE *out)
{
    const struct bench_source *source = &service->sources[variant];
    const char *code = source->code_file, *dependencies = source->dependency_file;
    const char *dependency = source->dependency;
    char size[TEXT_SIZE_SIZE];
    say(out, "  %s, %s: copies %s (%zu files, %s)%s%s%s%s%s%s%s", service->name,
        bench_variants[variant], source->context, source->context_files,
        text_size(size, source->context_bytes), code != NULL ? "; code: " : "",
        code != NULL ? code : "", dependencies != NULL ? "; dependencies: " : "",
        dependencies != NULL ? dependencies : "", dependency != NULL ? " (" : "",
        dependency != NULL ? dependency : "", dependency != NULL ? " is compiled anew)" : "");
}

void report_plan(const struct bench *bench, FILE *out)
{
    size_t scenarios = 0;
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        scenarios += bench->wanted[scenario];
    say(out, "Benchmark of %s: %zu service%s, %zu scenario%s, %zu run%s each: %zu builds.",
        bench->project, bench->services_len, plural(bench->services_len), scenarios,
        plural(scenarios), bench->rounds, plural(bench->rounds), bench_steps(bench));
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        say(out, "  %-9s  %s", bench_variants[variant], bench->files[variant]);
    for (size_t i = 0; i < bench->services_len * BENCH_VARIANTS; i++)
        say_source(&bench->services[i / BENCH_VARIANTS], i % BENCH_VARIANTS, out);
    say(out, "It makes, and takes away again when it is done:");
    say(out, "  %s/  (the copies, and local caches)", bench->directory);
    say(out, "  images named %s-...", bench->mark);
    say(out, "  in builder %s: cache mounts %s-..., and the records of the steps that run",
        bench->builder, bench->mark);
    if (bench->leftovers_len > 0)
        fputs(
            "It takes away first, with images and cache mounts of the same name, what benchmarks\n"
            "left that did not end:\n",
            out);
    for (size_t i = 0; i < bench->leftovers_len; i++)
        say(out, "  %s/%s/", bench->parent, bench->leftovers[i].mark);
    if (bench->forgets_steps)
        fputs(BUILDER_FORGETS_STEPS ". It does so each time records are removed.\n", out);
    fputs("Your files, caches, images, cache mounts and older records are left as they are.\n",
          out);
}

/* ------------------------------------------------------------------- progress */

static void begin_line(struct buf *line, const struct bench *bench, const struct bench_step *step,
                       size_t number)
{
    buf_printf(line, "[%zu/%zu] %s, %s, %s, run %zu: ", number, bench_steps(bench),
               bench->services[step->service].name, bench_variants[step->variant],
               bench_scenarios[step->scenario].title, step->round + 1);
}

static void end_line(struct buf *line, bool ended, FILE *out)
{
    struct buf clean = {0};
    bool terminal = isatty(fileno(out));
    text_clean(&clean, line->data, line->len);
    size_t columns = text_width(clean.data), len = clean.len;
    if (!ended)
        len = text_fit(clean.data, LINE_COLUMNS, &columns);
    fprintf(out, "%s%.*s", terminal ? "\r" : "", (int)len, clean.data);
    if (terminal && columns < LINE_COLUMNS)
        fprintf(out, "%*s", (int)(LINE_COLUMNS - columns), "");
    if (ended)
        fputc('\n', out);
    fflush(out);
    buf_done(&clean);
    buf_done(line);
}

void report_run(const struct bench *bench, const struct bench_step *step,
                const struct bench_run *run, FILE *out)
{
    struct buf line = {0};
    char took[TEXT_AGE_SIZE];
    begin_line(&line, bench, step, bench->next);
    buf_printf(&line, "%s, %zu of %zu steps cached", text_duration(took, run->duration_ms),
               run->steps_cached, run->steps_over);
    end_line(&line, true, out);
}

void report_now(const struct bench *bench, const struct store *store, FILE *out)
{
    struct buf line = {0};
    char took[TEXT_AGE_SIZE];
    const struct build *build = bench->build_id != 0 ? store_build(store, bench->build_id) : NULL;
    if (bench->cleaning) {
        buf_printf(&line, "taking away what was built ...");
    } else if (build != NULL) {
        struct bench_step step = bench_step(bench, bench->next);
        struct build_counts counts = build_count(build);
        begin_line(&line, bench, &step, bench->next + 1);
        buf_printf(&line, "%s, step %zu/%zu",
                   text_duration(took, clock_mono_ms() - build->started_mono_ms), counts.over,
                   counts.total);
    }
    buf_append_str(&line, "");
    end_line(&line, false, out);
}

/* --------------------------------------------------------------------- result */

static const struct table_column columns[] = {
    {"SERVICE", false}, {"SCENARIO", false}, {"RUNS", true},     {"ORIGINAL", true},
    {"(RANGE)", false}, {"OPTIMISED", true}, {"(RANGE)", false}, {"RATIO", true},
    {"SAVED", true},    {"GUIDE", true},     {"REACHED", false}, {NULL, false},
};

static void add_summary(struct table *table, const struct bench_summary *summary)
{
    char text[TEXT_AGE_SIZE], range[2 * TEXT_AGE_SIZE + 8], most[TEXT_AGE_SIZE];
    table_text(table, summary->runs > 0 ? text_duration(text, summary->median_ms) : NULL);
    snprintf(range, sizeof range, "%s to %s", text_duration(text, summary->min_ms),
             text_duration(most, summary->max_ms));
    table_text(table, summary->min_ms < summary->max_ms ? range : NULL);
}

static void add_row(struct table *table, const struct bench_service *service,
                    enum bench_scenario scenario)
{
    struct bench_summary original = bench_summarise(&service->cells[scenario][BENCH_ORIGINAL]);
    struct bench_summary optimised = bench_summarise(&service->cells[scenario][BENCH_OPTIMISED]);
    const struct bench_scenario_words *words = &bench_scenarios[scenario];
    struct bench_gain gain = {0};
    char text[48];
    if (original.runs == 0 && optimised.runs == 0)
        return;
    bool known = bench_compare(service, scenario, &gain);
    table_text(table, service->name);
    table_text(table, words->title);
    table_count(table, original.runs < optimised.runs ? original.runs : optimised.runs);
    add_summary(table, &original);
    add_summary(table, &optimised);
    snprintf(text, sizeof text, "%.2f", gain.ratio_permille / 1000.0);
    table_text(table, known ? text : NULL);
    snprintf(text, sizeof text, "%.1f %%", gain.saved_permille / 10.0);
    table_text(table, known ? text : NULL);
    snprintf(text, sizeof text, "%d-%d %%", words->expected_low, words->expected_high);
    table_text(table, text);
    table_text(table, !known ? NULL : gain.reached ? "yes" : "no");
}

/* A figure that is not what its row says is worse than none. */
static void say_doubts(const struct bench_service *service, enum bench_variant variant, FILE *out)
{
    const struct bench_cell *first = &service->cells[BENCH_FIRST][variant];
    const struct bench_cell *same = &service->cells[BENCH_NO_CHANGE][variant];
    size_t warm = 0, cold = 0;
    for (size_t i = 0; i < first->len; i++)
        warm += first->runs[i].work_cached > 0;
    for (size_t i = 0; i < same->len; i++)
        cold += same->runs[i].steps_cached < same->runs[i].steps_over;
    if (warm > 0)
        say(out, "%s, %s: %zu of the first builds found steps in a cache", service->name,
            bench_variants[variant], warm);
    if (cold > 0)
        say(out, "%s, %s: %zu builds without a change were not all CACHED", service->name,
            bench_variants[variant], cold);
}

void report_result(const struct bench *bench, FILE *out)
{
    struct table *table = table_new(columns);
    char size[TEXT_SIZE_SIZE];
    for (size_t i = 0; i < bench->services_len * BENCH_SCENARIOS; i++)
        add_row(table, &bench->services[i / BENCH_SCENARIOS], i % BENCH_SCENARIOS);
    table_print(table, table_terminal_columns(out), out);
    table_free(table);
    for (size_t i = 0; i < bench->services_len * BENCH_VARIANTS; i++)
        say_doubts(&bench->services[i / BENCH_VARIANTS], i % BENCH_VARIANTS, out);
    say(out, "Medians of whole builds; %s, builder %s, %ld processors.",
        bench->tools != NULL ? bench->tools : "tools not told", bench->builder,
        sysconf(_SC_NPROCESSORS_ONLN));
    say(out, "Taken away: %zu images, %zu records (%s).", bench->images_removed,
        bench->records_removed, text_size(size, bench->freed_bytes));
}

/* ----------------------------------------------------------------------- JSON */

static void put_variant(struct json *json, const struct bench_cell *cell, const char *name)
{
    struct bench_summary summary = bench_summarise(cell);
    json_put_object(json, name);
    json_put_int(json, "min_ms", summary.min_ms);
    json_put_int(json, "median_ms", summary.median_ms);
    json_put_int(json, "max_ms", summary.max_ms);
    json_put_array(json, "runs");
    for (size_t i = 0; i < cell->len; i++) {
        json_put_object(json, NULL);
        json_put_time(json, "started_at", cell->runs[i].started_at);
        json_put_int(json, "duration_ms", cell->runs[i].duration_ms);
        json_put_int(json, "steps_over", (int64_t)cell->runs[i].steps_over);
        json_put_int(json, "steps_cached", (int64_t)cell->runs[i].steps_cached);
        json_put_int(json, "work_cached", (int64_t)cell->runs[i].work_cached);
        json_put_object_end(json);
    }
    json_put_array_end(json);
    json_put_object_end(json);
}

static void put_scenario(struct json *json, const struct bench_service *service,
                         enum bench_scenario scenario)
{
    const struct bench_scenario_words *words = &bench_scenarios[scenario];
    struct bench_gain gain;
    json_put_object(json, NULL);
    json_put_text(json, "scenario", words->name);
    json_put_int(json, "expected_low_percent", words->expected_low);
    json_put_int(json, "expected_high_percent", words->expected_high);
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        put_variant(json, &service->cells[scenario][variant], bench_variants[variant]);
    if (bench_compare(service, scenario, &gain)) {
        json_put_int(json, "ratio_permille", gain.ratio_permille);
        json_put_int(json, "saved_permille", gain.saved_permille);
        json_put_bool(json, "reached", gain.reached);
    } else {
        json_put_text(json, "ratio_permille", NULL);
        json_put_text(json, "saved_permille", NULL);
        json_put_text(json, "reached", NULL);
    }
    json_put_object_end(json);
}

static void put_source(struct json *json, const struct bench_source *source, const char *name)
{
    json_put_object(json, name);
    json_put_text(json, "context", source->context);
    json_put_int(json, "context_bytes", source->context_bytes);
    json_put_text(json, "dockerfile", source->dockerfile);
    json_put_text(json, "code_file", source->code_file);
    json_put_text(json, "dependency_file", source->dependency_file);
    json_put_text(json, "dependency", source->dependency);
    json_put_object_end(json);
}

static void put_service(struct json *json, const struct bench *bench,
                        const struct bench_service *service)
{
    json_put_object(json, NULL);
    json_put_text(json, "service", service->name);
    json_put_object(json, "sources");
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        put_source(json, &service->sources[variant], bench_variants[variant]);
    json_put_object_end(json);
    json_put_array(json, "scenarios");
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        if (bench->wanted[scenario])
            put_scenario(json, service, (enum bench_scenario)scenario);
    json_put_array_end(json);
    json_put_object_end(json);
}

void report_json(const struct bench *bench, bool dry_run)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_bool(&json, "dry_run", dry_run);
    json_put_text(&json, "project", bench->project);
    json_put_text(&json, "original", bench->files[BENCH_ORIGINAL]);
    json_put_text(&json, "optimised", bench->files[BENCH_OPTIMISED]);
    json_put_text(&json, "mark", bench->mark);
    json_put_text(&json, "directory", bench->directory);
    json_put_text(&json, "builder", bench->builder);
    json_put_bool(&json, "forgets_steps", bench->forgets_steps);
    json_put_text(&json, "tools", bench->tools);
    json_put_int(&json, "processors", sysconf(_SC_NPROCESSORS_ONLN));
    json_put_int(&json, "runs", (int64_t)bench->rounds);
    json_put_int(&json, "builds", (int64_t)bench_steps(bench));
    json_put_int(&json, "builds_done", (int64_t)bench->next);
    json_put_time(&json, "started_at", bench->started_at);
    json_put_time(&json, "ended_at", bench->ended_at);
    json_put_array(&json, "services");
    for (size_t i = 0; i < bench->services_len; i++)
        put_service(&json, bench, &bench->services[i]);
    json_put_array_end(&json);
    json_put_object(&json, "removed");
    json_put_int(&json, "images", (int64_t)bench->images_removed);
    json_put_int(&json, "records", (int64_t)bench->records_removed);
    json_put_int(&json, "bytes", bench->freed_bytes);
    json_put_object_end(&json);
    json_put_array(&json, "leftovers");
    for (size_t i = 0; i < bench->leftovers_len; i++)
        json_put_text(&json, NULL, bench->leftovers[i].mark);
    json_put_array_end(&json);
    json_put_array(&json, "left");
    for (size_t i = 0; i < bench->left.len; i++)
        json_put_text(&json, NULL, bench->left.items[i]);
    json_put_array_end(&json);
    json_put_text(&json, "error", bench->err.code != 0 ? bench->err.text : NULL);
    json_put_text(&json, "log", bench->log_path);
    json_put_object_end(&json);
    putchar('\n');
}
