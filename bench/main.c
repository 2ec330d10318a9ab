/* bilge bench: the original build against the optimised one. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure.h"
#include "bench/report.h"
#include "cli/ask.h"
#include "cli/program.h"

#define RUNS_DEFAULT 3
#define RUNS_MAX 1000

struct bench_values {
    const char *original, *optimised;
    struct option_number runs;
    struct option_list scenarios, code_files, dependency_files;
    bool dry_run, yes;
};

static int read_scenarios(const struct option_list *names, bool *ret_wanted, struct err *err)
{
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        ret_wanted[scenario] = names->len == 0;
    for (size_t i = 0; i < names->len; i++) {
        int found = 0;
        while (found < BENCH_SCENARIOS && strcmp(bench_scenarios[found].name, names->items[i]) != 0)
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

static int check_values(const struct globals *globals, const struct bench_values *values,
                        FILE *shown, struct err *err)
{
    if (values->runs.given && values->runs.value > RUNS_MAX)
        return err_set(err, ERR_USAGE, "--runs: more than %d are not sensible", RUNS_MAX);
    if (values->dry_run)
        return 0;
    if (globals->read_only)
        return err_set(err, ERR_USAGE,
                       "--read-only: nothing is built (--dry-run shows what would be)");
    if (!values->yes && !ask_possible(shown))
        return err_set(err, ERR_USAGE,
                       "there is no terminal to ask on: --yes measures, --dry-run shows what "
                       "would be done");
    return 0;
}

/* Chooses the compose file: --optimised, else --file, else one of the two usual places. */
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

static enum exit_code report(const struct bench *bench, bool json)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%79s\r", "");
    if (json)
        report_json(bench, false);
    else if (bench->next > 0)
        report_result(bench, stdout);
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

static enum exit_code measure(struct measure *measure, const struct globals *globals,
                              const struct bench_values *values, FILE *shown)
{
    struct err err;
    bool yes = values->yes;
    if (session_settle(measure->session, &err) < 0 || measure_read(measure, &err) < 0)
        return complain_err(&err);
    if (values->dry_run && globals->json)
        report_json(&measure->bench, true);
    else
        report_plan(&measure->bench, shown);
    if (values->dry_run)
        return EXIT_DONE;
    if (!yes && ask_yes(measure->session, shown, "Measure?", &yes, &err) < 0)
        return complain_err(&err);
    if (!yes) {
        fputs("Nothing was built.\n", shown);
        return EXIT_DONE;
    }
    fflush(shown);
    measure_run(measure);
    return report(&measure->bench, globals->json);
}

static enum exit_code run(const struct globals *globals, const void *value,
                          const struct option_list *operands)
{
    const struct bench_values *values = value;
    FILE *shown = globals->json ? stderr : stdout;
    struct session session;
    struct measure measured = {
        .session = &session,
        .code_files = &values->code_files,
        .dependency_files = &values->dependency_files,
        .lock = -1,
    };
    struct bench *bench = &measured.bench;
    struct bilge_options options = globals_options(globals);
    struct err err;
    if (check_values(globals, values, shown, &err) < 0 ||
        read_scenarios(&values->scenarios, bench->wanted, &err) < 0)
        return complain_err(&err);
    bench->files[BENCH_ORIGINAL] = values->original;
    bench->files[BENCH_OPTIMISED] = options.compose_file = optimised_file(globals, values);
    bench->rounds = values->runs.given ? (size_t)values->runs.value : RUNS_DEFAULT;
    options.skip_caches = true;
    if (session_open(&session, &options, &err) < 0)
        return complain_err(&err);
    bench->services = mem_zalloc((operands->len + 1) * sizeof *bench->services);
    for (; bench->services_len < operands->len; bench->services_len++)
        bench->services[bench->services_len].name =
            mem_strdup(operands->items[bench->services_len]);
    enum exit_code code = measure(&measured, globals, values, shown);
    session_close(&session);
    measure_done(&measured);
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

static const struct command command = {
    .name = "bench",
    .operands = "[SERVICE...]",
    .summary = COMMAND_BENCH_SUMMARY,
    .details = "Without a SERVICE all that both compose files build. It works in copies of the\n"
               "build contexts and takes away what it has made, and nothing else.\n",
    .options = bench_options,
    .values_size = sizeof(struct bench_values),
    .run = run,
};

int main(int argc, char **argv)
{
    static const struct command *const commands[] = {&command, NULL};
    static const struct program program = {.commands = commands};
    return program_main(&program, argc, argv);
}
