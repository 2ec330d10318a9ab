/* One build of a benchmark: how it is asked for, and what came of it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/bilge/benching/benching_private.h"

static struct bench_step current(const struct benching *benching)
{
    return bench_step(benching->bench, benching->bench->next);
}

void benching_build(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct bench *bench = benching->bench;
    struct bench_step step = current(benching);
    const char *const services[] = {bench->services[step.service].name};
    char *mounts = bench_mounts(bench, &step);
    char *argument = mem_printf("BUILDKIT_CACHE_MOUNT_NS=%s", mounts);
    char *kind = bench_kind(&step), *file = benching_compose_file(bench, &step);
    const char *const arguments[] = {argument};
    struct bilge_build_options options = {
        .no_cache = step.scenario == BENCH_FIRST,
        .build_args = arguments,
        .build_args_len = 1,
        .compose_file = file,
        .kind = kind,
    };
    struct err err;
    benching->phase = BENCHING_BUILD;
    benching_note_image(benching, bench_image(bench, &step));
    if (bilge_build(bilge, services, 1, &options, &bench->build_id, &err) < 0) {
        benching_fail(benching, &err);
        benching_go_on(bilge);
    }
    free(file);
    free(kind);
    free(argument);
    free(mounts);
    bilge_moved(bilge);
}

static bool is_work(const struct step *step)
{
    static const char *const words[] = {"RUN ", "COPY ", "ADD "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncasecmp(step->instruction, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static struct bench_run run_of(const struct build *build)
{
    struct bench_run run = {.started_at = build->started_at, .duration_ms = build->duration_ms};
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->index == 0 || strncasecmp(step->instruction, "FROM ", 5) == 0 ||
            step->state == STEP_WAITING)
            continue;
        run.steps_over += step_is_over(step);
        run.steps_cached += step->state == STEP_CACHED;
        run.work_cached += step->state == STEP_CACHED && is_work(step);
    }
    return run;
}

/* The first build of a round is the one that sends its context whole. */
static void note_traces(struct traces *traces, const struct bench_step *step,
                        const struct build *build)
{
    bool first = step->scenario == BENCH_FIRST || step->scenario == BENCH_PREPARATION;
    traces_add_window(traces, build->started_at, clock_now(), first);
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].index > 0)
            traces_add_step(traces, build->steps[i].instruction);
}

static void explain_failure(struct benching *benching, const struct bench_step *step,
                            const struct build *build)
{
    struct bench *bench = benching->bench;
    struct err err;
    const char *service = bench->services[step->service].name;
    const char *variant = bench_variant_name(step->variant);
    const char *title = bench_scenario_words(step->scenario)->title;
    if (build->state == BUILD_CANCELLED)
        err_set(&err, ERR_CANCELLED, "interrupted");
    else if (build->traditional && build->state == BUILD_DONE)
        err_set(&err, ERR_UNSUPPORTED, "%s: the optimised build can't be measured here: %s",
                service, build->way);
    else
        err_set(&err, ERR_PEER, "%s, %s, %s, run %zu: the build failed: %s", service, variant,
                title, step->round + 1,
                build->error != NULL ? build->error : "no reason was given");
    benching_fail(benching, &err);
}

static void on_saved(void *arg, const struct logsave_result *result, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    (void)result;
    benching->saving = NULL;
    if (err != NULL)
        strlist_add(&benching->bench->left, err->text);
    else
        benching->bench->log_path = mem_printf("%s.log", benching->bench->directory);
    benching_go_on(bilge);
}

/* Beside the directory, which goes. */
static void keep_log(struct bilge *bilge, const struct build *build)
{
    char *path = mem_printf("%s.log", bilge->benching->bench->directory);
    bilge->benching->saving =
        logsave_start(bilge->loop, build->log, path, NULL, on_saved, bilge);
    free(path);
}

/* The traditional way has neither local caches nor cache mounts. */
static bool is_good(const struct bench_step *step, const struct build *build)
{
    return build->state == BUILD_DONE && (step->variant == BENCH_ORIGINAL || !build->traditional);
}

void benching_build_over(struct bilge *bilge, const struct build *build)
{
    struct benching *benching = bilge->benching;
    struct bench *bench = benching->bench;
    struct bench_step step = current(benching);
    bench->build_id = 0;
    note_traces(benching->traces, &step, build);
    mem_replace(&bench->tools, build->tool);
    if (is_good(&step, build)) {
        struct bench_run run = run_of(build);
        bench_add_run(&bench->services[step.service], &step, &run);
        bench->next++;
        benching->round_over = step.ends_round;
        benching->ops.on_run(benching->arg, &step, &run);
    } else {
        explain_failure(benching, &step, build);
        if (build->state == BUILD_FAILED) {
            keep_log(bilge, build);
            return;
        }
    }
    benching_go_on(bilge);
}
