#include "bench/bench.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/history/history.h"

const char *const bench_variants[BENCH_VARIANTS] = {"original", "optimised"};

const struct bench_scenario_words bench_scenarios[BENCH_SCENARIOS + 1] = {
    [BENCH_FIRST] = {"first", "first build", 35, 40},
    [BENCH_NO_CHANGE] = {"no-change", "no change", 60, 70},
    [BENCH_CODE] = {"code", "code change", 85, 90},
    [BENCH_DEPENDENCIES] = {"dependencies", "dependency change", 50, 60},
    [BENCH_PREPARATION] = {"preparation", "preparation", 0, 0},
};

static void source_done(struct bench_source *source)
{
    free(source->context);
    free(source->dockerfile);
    free(source->dockerfile_text);
    free(source->code_file);
    free(source->dependency_file);
    free(source->dependency);
}

static void service_done(struct bench_service *service)
{
    free(service->name);
    for (int variant = 0; variant < BENCH_VARIANTS; variant++) {
        source_done(&service->sources[variant]);
        for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
            free(service->cells[scenario][variant].runs);
    }
}

void bench_done(struct bench *bench)
{
    for (size_t i = 0; i < bench->services_len; i++)
        service_done(&bench->services[i]);
    for (size_t i = 0; i < bench->leftovers_len; i++)
        leftover_done(&bench->leftovers[i]);
    strlist_done(&bench->left);
    free(bench->leftovers);
    free(bench->services);
    free(bench->found_file);
    free(bench->project);
    free(bench->mark);
    free(bench->parent);
    free(bench->directory);
    free(bench->tools);
    free(bench->builder);
    free(bench->log_path);
}

/* -------------------------------------------------------------------- order */

/* Of a round: the first build, or the preparation, comes in any case. */
static size_t scenarios_of_round(const struct bench *bench, enum bench_scenario *ret_scenarios)
{
    size_t len = 0;
    ret_scenarios[len++] = bench->wanted[BENCH_FIRST] ? BENCH_FIRST : BENCH_PREPARATION;
    for (int scenario = BENCH_NO_CHANGE; scenario < BENCH_SCENARIOS; scenario++)
        if (bench->wanted[scenario])
            ret_scenarios[len++] = (enum bench_scenario)scenario;
    return len;
}

size_t bench_steps(const struct bench *bench)
{
    enum bench_scenario scenarios[BENCH_SCENARIOS];
    return bench->services_len * bench->rounds * scenarios_of_round(bench, scenarios) *
           BENCH_VARIANTS;
}

struct bench_step bench_step(const struct bench *bench, size_t index)
{
    enum bench_scenario scenarios[BENCH_SCENARIOS];
    size_t a_round = scenarios_of_round(bench, scenarios) * BENCH_VARIANTS;
    size_t in_round = index % a_round, round = index / a_round % bench->rounds;
    size_t place = (in_round + round) % BENCH_VARIANTS;
    return (struct bench_step){
        .service = index / a_round / bench->rounds,
        .round = round,
        .scenario = scenarios[in_round / BENCH_VARIANTS],
        .variant = (enum bench_variant)place,
        .starts_service = in_round == 0 && round == 0,
        .ends_round = in_round + 1 == a_round,
    };
}

/* -------------------------------------------------------------------- names */

char *bench_kind(const struct bench_step *step)
{
    return mem_printf(HISTORY_BENCH "%s, %s", bench_variants[step->variant],
                      bench_scenarios[step->scenario].title);
}

/* Of a service's name only what an image may be called. */
char *bench_image(const struct bench *bench, const struct bench_step *step)
{
    struct buf name = {0};
    buf_printf(&name, "%s-%zu", bench->mark, step->service + 1);
    bool gap = true;
    for (const char *at = bench->services[step->service].name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at)) {
            gap = true;
            continue;
        }
        buf_printf(&name, "%s%c", gap ? "-" : "", tolower((unsigned char)*at));
        gap = false;
    }
    buf_printf(&name, ":%s-%s", bench_variants[step->variant],
               bench_scenarios[step->scenario].name);
    return buf_take(&name);
}

char *bench_mounts(const struct bench *bench, const struct bench_step *step)
{
    return mem_printf("%s-%zu-%zu-%s", bench->mark, step->service + 1, step->round + 1,
                      bench_variants[step->variant]);
}

/* ------------------------------------------------------------------ results */

void bench_add_run(struct bench_service *service, const struct bench_step *step,
                   const struct bench_run *run)
{
    if (step->scenario == BENCH_PREPARATION)
        return;
    struct bench_cell *cell = &service->cells[step->scenario][step->variant];
    cell->runs = mem_realloc(cell->runs, (cell->len + 1) * sizeof *cell->runs);
    cell->runs[cell->len++] = *run;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct bench_summary bench_summarise(const struct bench_cell *cell)
{
    struct bench_summary summary = {.runs = cell->len};
    if (cell->len == 0)
        return summary;
    int64_t *times = mem_alloc(cell->len * sizeof *times);
    for (size_t i = 0; i < cell->len; i++)
        times[i] = cell->runs[i].duration_ms;
    qsort(times, cell->len, sizeof *times, by_number);
    summary.min_ms = times[0];
    summary.max_ms = times[cell->len - 1];
    summary.median_ms = (times[(cell->len - 1) / 2] + times[cell->len / 2]) / 2;
    free(times);
    return summary;
}

bool bench_compare(const struct bench_service *service, enum bench_scenario scenario,
                   struct bench_gain *ret_gain)
{
    const struct bench_cell *cells = service->cells[scenario];
    struct bench_summary original = bench_summarise(&cells[BENCH_ORIGINAL]);
    struct bench_summary optimised = bench_summarise(&cells[BENCH_OPTIMISED]);
    if (original.runs == 0 || optimised.runs == 0 || original.median_ms <= 0)
        return false;
    double ratio = 1000.0 * (double)optimised.median_ms / (double)original.median_ms;
    int permille = ratio > INT_MAX / 2 ? INT_MAX / 2 : (int)(ratio + 0.5);
    *ret_gain = (struct bench_gain){
        .ratio_permille = permille,
        .saved_permille = 1000 - permille,
        .reached = 1000 - permille >= bench_scenarios[scenario].expected_low * 10,
    };
    return true;
}
