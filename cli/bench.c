/* bilge bench: the original build against the optimised one. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/bench/bench.h"
#include "core/store/store.h"

/* The JSON of `bilge bench`; its shape is in the manual page. */

/* A benchmark on paper: what it is going to do, how far it is, what came of it. */

static void bench_print_plan(const struct bench *bench, FILE *out);
static void bench_print_run(const struct bench *bench, const struct bench_step *step,
                     const struct bench_run *run, FILE *out);
static void bench_print_now(const struct bench *bench, const struct store *store, FILE *out);
static void bench_print_result(const struct bench *bench, FILE *out);
static void bench_print_json(const struct bench *bench, bool dry_run);

#define RUNS_DEFAULT 3
#define RUNS_MAX 1000
#define LOOK_MS 1000

struct bench_values {
    const char *original, *optimised;
    struct option_number runs;
    struct option_list scenarios, code_files, dependency_files;
    bool dry_run, yes;
};

/* One run of the command. */
struct benchmark {
    const struct globals *globals;
    const struct bench_values *values;
    struct session session;
    FILE *shown;
    bool ready, over;
    struct err err; /* why it is not ready; code 0: it is */
};

static const struct bench *state_of(const struct benchmark *benchmark)
{
    return bilge_bench_state(benchmark->session.bilge);
}

/* -------------------------------------------------------------------- options */

static int read_scenarios(const struct option_list *names, bool *ret_wanted, struct err *err)
{
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        ret_wanted[scenario] = names->len == 0;
    for (size_t i = 0; i < names->len; i++) {
        int found = 0;
        while (found < BENCH_SCENARIOS &&
               strcmp(bench_scenario_words((enum bench_scenario)found)->name, names->items[i]) != 0)
            found++;
        if (found == BENCH_SCENARIOS)
            return err_set(err, ERR_USAGE,
                           "there is no scenario \"%s\" (there are: first, no-change, code, "
                           "dependencies)",
                           names->items[i]);
        ret_wanted[found] = true;
    }
    return 0;
}

static int check_consent(const struct benchmark *benchmark, struct err *err)
{
    if (benchmark->values->dry_run)
        return 0;
    if (benchmark->globals->read_only)
        return err_set(err, ERR_USAGE,
                       "--read-only: nothing is built (--dry-run shows what would be)");
    if (!benchmark->values->yes && !ask_possible(benchmark->shown))
        return err_set(err, ERR_USAGE,
                       "there is no terminal to ask on: --yes measures, --dry-run shows what "
                       "would be done");
    return 0;
}

/* Where people keep it. */
static const char *optimised_file(const struct globals *globals, const struct bench_values *values)
{
    static const char here[] = "docker-compose.test-local.yml";
    static const char there[] = "compose/docker-compose.test-local.yml";
    if (values->optimised != NULL)
        return values->optimised;
    if (globals->compose_file != NULL)
        return globals->compose_file;
    return access(here, F_OK) < 0 && access(there, F_OK) == 0 ? there : here;
}

/* --------------------------------------------------------------------- events */

static void on_ready(void *arg, const struct err *err)
{
    struct benchmark *benchmark = arg;
    benchmark->ready = true;
    if (err != NULL)
        benchmark->err = *err;
}

static void on_run(void *arg, const struct bench_step *step, const struct bench_run *run)
{
    struct benchmark *benchmark = arg;
    bench_print_run(state_of(benchmark), step, run, stderr);
}

static void on_over(void *arg)
{
    struct benchmark *benchmark = arg;
    benchmark->over = true;
}

static const struct bilge_bench_ops ops = {
    .on_ready = on_ready, .on_run = on_run, .on_over = on_over};

static bool is_ready(void *arg)
{
    const struct benchmark *benchmark = arg;
    return benchmark->ready;
}

static bool is_over(void *arg)
{
    const struct benchmark *benchmark = arg;
    return benchmark->over;
}

/* ---------------------------------------------------------------------- steps */

static int prepare(struct benchmark *benchmark, const char *optimised,
                   const struct option_list *services, struct err *err)
{
    const struct bench_values *values = benchmark->values;
    struct bilge_bench_options options = {
        .original = values->original,
        .optimised = optimised,
        .services = services->items,
        .services_len = services->len,
        .rounds = values->runs.given ? (size_t)values->runs.value : RUNS_DEFAULT,
        .code_files = values->code_files.items,
        .code_files_len = values->code_files.len,
        .dependency_files = values->dependency_files.items,
        .dependency_files_len = values->dependency_files.len,
    };
    int code = read_scenarios(&values->scenarios, options.wanted, err);
    if (code == 0)
        code = session_settle(&benchmark->session, err);
    if (code == 0)
        code = bilge_bench(benchmark->session.bilge, &options, &ops, benchmark, err);
    if (code < 0)
        return code;
    if (session_wait(&benchmark->session, is_ready, benchmark, 0) == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    *err = benchmark->err;
    return err->code;
}

/* Until all is over; every interrupt asks to stop, each time harder. */
static void wait_for_end(struct benchmark *benchmark)
{
    struct session *session = &benchmark->session;
    uint64_t look_ms = isatty(STDERR_FILENO) ? LOOK_MS : 0;
    enum session_end end;
    while ((end = session_wait(session, is_over, benchmark, look_ms)) != SESSION_REACHED) {
        if (end == SESSION_INTERRUPTED)
            bilge_bench_cancel(session->bilge);
        else
            bench_print_now(state_of(benchmark), session->store, stderr);
    }
    if (look_ms > 0)
        fprintf(stderr, "\r%79s\r", "");
}

static enum exit_code report(const struct benchmark *benchmark)
{
    const struct bench *bench = state_of(benchmark);
    if (benchmark->globals->json)
        bench_print_json(bench, false);
    else if (bench->next > 0)
        bench_print_result(bench, stdout);
    for (size_t i = 0; i < bench->left.len; i++)
        complain("left behind: %s", bench->left.items[i]);
    if (bench->left.len > 0)
        complain("the next benchmark takes that away, too");
    if (bench->err.code == 0)
        return bench->left.len > 0 ? EXIT_PARTLY : EXIT_DONE;
    if (bench->log_path != NULL)
        complain("its log is kept in %s", bench->log_path);
    return complain_err(&bench->err);
}

static enum exit_code measure(struct benchmark *benchmark, const char *optimised,
                              const struct option_list *services)
{
    struct err err;
    bool yes = benchmark->values->yes;
    if (prepare(benchmark, optimised, services, &err) < 0)
        return complain_err(&err);
    if (benchmark->values->dry_run && benchmark->globals->json) {
        bench_print_json(state_of(benchmark), true);
        return EXIT_DONE;
    }
    bench_print_plan(state_of(benchmark), benchmark->shown);
    if (benchmark->values->dry_run)
        return EXIT_DONE;
    if (!yes && ask_yes(&benchmark->session, benchmark->shown, "Measure?", &yes, &err) < 0)
        return complain_err(&err);
    if (!yes) {
        fputs("Nothing was built.\n", benchmark->shown);
        return EXIT_DONE;
    }
    fflush(benchmark->shown);
    if (bilge_bench_run(benchmark->session.bilge, &err) < 0)
        return complain_err(&err);
    wait_for_end(benchmark);
    return report(benchmark);
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct benchmark benchmark = {
        .globals = globals,
        .values = values,
        .shown = globals->json ? stderr : stdout,
    };
    struct bilge_options options = globals_options(globals);
    const char *optimised = optimised_file(globals, values);
    bool wanted[BENCH_SCENARIOS];
    struct err err;
    err_clear(&err);
    if (benchmark.values->runs.given && benchmark.values->runs.value > RUNS_MAX)
        err_set(&err, ERR_USAGE, "--runs: more than %d are not sensible", RUNS_MAX);
    if (err.code < 0 || read_scenarios(&benchmark.values->scenarios, wanted, &err) < 0 ||
        check_consent(&benchmark, &err) < 0)
        return complain_err(&err);
    options.compose_file = optimised;
    options.skip_caches = true;
    if (session_open(&benchmark.session, &options, &err) < 0)
        return complain_err(&err);
    enum exit_code code = measure(&benchmark, optimised, operands);
    session_close(&benchmark.session);
    return code;
}

#define VALUE(member) offsetof(struct bench_values, member)
static const struct option_spec bench_options[] = {
    {"original", 0, OPTION_TEXT, VALUE(original), "FILE",
     "compose file of the original build (else the optimised one's without -local)"},
    {"optimised", 0, OPTION_TEXT, VALUE(optimised), "FILE",
     "compose file of the optimised build (else docker-compose.test-local.yml)"},
    {"runs", 0, OPTION_COUNT, VALUE(runs), "N", "how often each is measured (else 3)"},
    {"scenario", 0, OPTION_LIST, VALUE(scenarios), "NAME",
     "only first, no-change, code or dependencies (repeatable)"},
    {"change-code", 0, OPTION_LIST, VALUE(code_files), "[SERVICE=]FILE",
     "the file of the context that a code change touches"},
    {"change-deps", 0, OPTION_LIST, VALUE(dependency_files), "[SERVICE=]FILE",
     "the file of the context that a dependency change touches"},
    {"dry-run", 0, OPTION_FLAG, VALUE(dry_run), NULL, "show what would be done, build nothing"},
    {"yes", 'y', OPTION_FLAG, VALUE(yes), NULL, "measure without asking"},
    {0},
};

const struct command command_bench = {
    .name = "bench",
    .operands = "[SERVICE...]",
    .summary = "Measure the original build against the optimised one, in four scenarios.",
    .details = "Without a SERVICE all that both compose files build. It works in copies of the\n"
               "build contexts and takes away what it has made, and nothing else.\n",
    .options = bench_options,
    .values_size = sizeof(struct bench_values),
    .run = run,
};

static void put_variant(struct json *json, const struct bench_service *service,
                        enum bench_scenario scenario, enum bench_variant variant)
{
    const struct bench_cell *cell = &service->cells[scenario][variant];
    struct bench_summary summary = bench_summarise(cell);
    json_put_object(json, bench_variant_name(variant));
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
    const struct bench_scenario_words *words = bench_scenario_words(scenario);
    struct bench_gain gain;
    bool known = bench_compare(service, scenario, &gain);
    json_put_object(json, NULL);
    json_put_text(json, "scenario", words->name);
    json_put_int(json, "expected_low_percent", words->expected_low);
    json_put_int(json, "expected_high_percent", words->expected_high);
    put_variant(json, service, scenario, BENCH_ORIGINAL);
    put_variant(json, service, scenario, BENCH_OPTIMISED);
    if (known) {
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

static void put_source(struct json *json, const struct bench_service *service,
                       enum bench_variant variant)
{
    const struct bench_source *source = &service->sources[variant];
    json_put_object(json, bench_variant_name(variant));
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
    put_source(json, service, BENCH_ORIGINAL);
    put_source(json, service, BENCH_OPTIMISED);
    json_put_object_end(json);
    json_put_array(json, "scenarios");
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        if (bench->wanted[scenario])
            put_scenario(json, service, (enum bench_scenario)scenario);
    json_put_array_end(json);
    json_put_object_end(json);
}

static void bench_print_json(const struct bench *bench, bool dry_run)
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

/* What is built from what, what it makes, and that it takes it away again. */
static void bench_print_plan(const struct bench *bench, FILE *out)
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

/* One line, ended; without one: of the build under way, over what stands in the
 * line of a terminal. */
static void bench_print_run(const struct bench *bench, const struct bench_step *step,
                     const struct bench_run *run, FILE *out)
{
    struct buf line = {0};
    char took[TEXT_AGE_SIZE];
    begin_line(&line, bench, step, bench->next);
    buf_printf(&line, "%s, %zu of %zu steps cached", text_duration(took, run->duration_ms),
               run->steps_cached, run->steps_over);
    print_over(&line, true, out);
}

static void bench_print_now(const struct bench *bench, const struct store *store, FILE *out)
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

/* The table, and what it was measured with. */
static void bench_print_result(const struct bench *bench, FILE *out)
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
