/* bilge bench: the original build against the optimised one. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/bench_json.h"
#include "cli/bench_view.h"
#include "cli/command.h"
#include "cli/session.h"

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
