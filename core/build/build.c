#include "core/build/build.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

const char *build_state_name(enum build_state state)
{
    static const char *const names[] = {
        [BUILD_RUNNING] = "running", [BUILD_STOPPING] = "stopping",   [BUILD_DONE] = "done",
        [BUILD_FAILED] = "failed",   [BUILD_CANCELLED] = "cancelled",
        [BUILD_QUEUED] = "queued",
    };
    return names[state];
}

struct build *build_new(uint64_t id, const char *const *services, size_t services_len,
                        const char *command, size_t log_max_bytes)
{
    struct build *build = mem_zalloc(sizeof *build);
    build->id = id;
    build->services = mem_zalloc(services_len * sizeof *build->services);
    for (size_t i = 0; i < services_len; i++)
        build->services[i] = mem_strdup(services[i]);
    build->services_len = services_len;
    build->command = mem_strdup(command);
    build->exit_status = -1;
    build->started_at = clock_now();
    build->started_mono_ms = clock_mono_ms();
    build->log = buildlog_new(log_max_bytes);
    return build;
}

static void step_done(struct step *step)
{
    free(step->name);
    free(step->service);
    free(step->platform);
    free(step->stage);
    free(step->instruction);
    free(step->transfer);
    for (size_t i = 0; i < step->transfers_len; i++)
        free(step->transfers[i].name);
    free(step->transfers);
    free(step->error);
}

void build_excerpt_done(struct build_excerpt *excerpt)
{
    free(excerpt->file);
    free(excerpt->text);
    *excerpt = (struct build_excerpt){0};
}

static void warning_done(struct build_warning *warning)
{
    free(warning->text);
    free(warning->url);
    free(warning->file);
}

void build_free(struct build *build)
{
    if (build == NULL)
        return;
    for (size_t i = 0; i < build->services_len; i++)
        free(build->services[i]);
    for (size_t i = 0; i < build->steps_len; i++)
        step_done(&build->steps[i]);
    for (size_t i = 0; i < build->warnings_len; i++)
        warning_done(&build->warnings[i]);
    build_excerpt_done(&build->excerpt);
    free(build->warnings);
    strlist_done(&build->build_args);
    strlist_done(&build->profiles);
    free(build->compose_file);
    free(build->kind);
    free(build->services);
    free(build->steps);
    free(build->command);
    free(build->error);
    free(build->way);
    free(build->tool);
    buildlog_free(build->log);
    free(build);
}

void build_begin(struct build *build)
{
    build->state = BUILD_RUNNING;
    build->place = 0;
    build->started_at = clock_now();
    build->started_mono_ms = clock_mono_ms();
    build->revision++;
}

void build_end(struct build *build, enum build_state state, int exit_status, int64_t now_mono_ms)
{
    build->state = state;
    build->exit_status = exit_status;
    build->duration_ms = now_mono_ms - build->started_mono_ms;
    build->revision++;
    if (state != BUILD_FAILED) {
        free(build->error);
        build->error = NULL;
    }
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].state == STEP_RUNNING)
            step_end(&build->steps[i], state == BUILD_DONE ? STEP_DONE : STEP_CANCELLED, -1,
                     now_mono_ms);
}

void build_set_error(struct build *build, const char *text, size_t len)
{
    struct buf clean = {0};
    text_clean(&clean, text, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
    free(build->error);
    build->error = buf_take(&clean);
    build->revision++;
}

/* Where the step with this number stands, or would stand. */
static size_t step_position(const struct build *build, int number)
{
    /* Numbers mostly come without gaps. */
    size_t guess = (size_t)number - 1;
    if (guess < build->steps_len && build->steps[guess].number == number)
        return guess;
    size_t low = 0, high = build->steps_len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (build->steps[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct step *build_step(struct build *build, int number)
{
    if (number < 1 || number > BUILD_STEPS_MAX)
        return NULL;
    size_t at = step_position(build, number);
    if (at < build->steps_len && build->steps[at].number == number)
        return &build->steps[at];
    mem_reserve((void **)&build->steps, &build->steps_cap, build->steps_len + 1,
                sizeof *build->steps);
    memmove(&build->steps[at + 1], &build->steps[at],
            (build->steps_len - at) * sizeof *build->steps);
    build->steps_len++;
    build->steps[at] = (struct step){
        .number = number,
        .name = mem_strdup(""),
        .instruction = mem_strdup(""),
        .internal = true,
    };
    return &build->steps[at];
}

const struct step *build_find_step(const struct build *build, int number)
{
    if (number < 1)
        return NULL;
    size_t at = step_position(build, number);
    return at < build->steps_len && build->steps[at].number == number ? &build->steps[at] : NULL;
}

bool build_has_service(const struct build *build, const char *service)
{
    for (size_t i = 0; i < build->services_len; i++)
        if (strcmp(build->services[i], service) == 0)
            return true;
    return build->services_len == 0;
}

/* -------------------------------------------------------------- counting */

static bool same_or_null(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_stage(const struct step *a, const struct step *b)
{
    return a->total == b->total && same_or_null(a->stage, b->stage) &&
           same_or_null(a->service, b->service) && same_or_null(a->platform, b->platform);
}

/* An instruction of the Dockerfile; `service` NULL: of any. */
static bool is_counted(const struct step *step, const char *service)
{
    return !step->internal && (service == NULL || same_or_null(step->service, service));
}

/* What the names promise: the sum of n over all stages with steps "i/n". Few
 * stages are remembered; steps beyond those count for themselves. */
static size_t promised_total(const struct build *build, const char *service)
{
    const struct step *stages[64];
    size_t stages_len = 0, total = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (!is_counted(step, service))
            continue;
        size_t known = 0;
        while (known < stages_len && !same_stage(stages[known], step))
            known++;
        if (known < stages_len)
            continue;
        if (stages_len < sizeof stages / sizeof stages[0]) {
            stages[stages_len++] = step;
            total += (size_t)step->total;
        } else {
            total++;
        }
    }
    return total;
}

static void count_step(const struct step *step, struct build_counts *counts)
{
    counts->total++;
    counts->over += step_is_over(step);
    counts->running += step->state == STEP_RUNNING;
    counts->failed += step->state == STEP_FAILED;
    if (strncmp(step->instruction, "FROM ", 5) == 0)
        return;
    counts->cached += step->state == STEP_CACHED;
    counts->uncached += step->state == STEP_DONE || step->state == STEP_FAILED;
}

static struct build_counts count(const struct build *build, const char *service)
{
    struct build_counts counts = {0};
    for (size_t i = 0; i < build->steps_len; i++)
        if (is_counted(&build->steps[i], service))
            count_step(&build->steps[i], &counts);
    size_t promised = promised_total(build, service);
    if (!build_is_over(build) && promised > counts.total)
        counts.total = promised;
    return counts;
}

struct build_counts build_count(const struct build *build)
{
    return count(build, NULL);
}

struct build_counts build_count_service(const struct build *build, const char *service)
{
    return count(build, service);
}
