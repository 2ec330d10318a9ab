#include "core/bilge/builds/build_row.h"

#include <string.h>

#include "core/base/mem.h"

static bool belongs(const struct step *step, const char *service)
{
    return step->service == NULL || service == NULL || strcmp(step->service, service) == 0;
}

/* By the engine's clock, if all is told by it: what comes at once may have begun
 * one after the other. */
static int64_t start_of(const struct step *step, const struct build *build)
{
    int64_t first = 0;
    if (step->began_at == 0)
        return step->started_mono_ms > 0 ? step->started_mono_ms - build->started_mono_ms : -1;
    for (size_t i = 0; i < build->steps_len; i++) {
        int64_t at = build->steps[i].began_at;
        if (at > 0 && (first == 0 || at < first))
            first = at;
    }
    return (step->began_at - first) / 1000000;
}

static void copy_steps(const struct build *build, const char *service, struct history_build *row)
{
    row->steps = mem_zalloc((build->steps_len + 1) * sizeof *row->steps);
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->state == STEP_WAITING || !belongs(step, service))
            continue;
        struct history_step *copy = &row->steps[row->steps_len++];
        *copy = (struct history_step){
            .instruction =
                mem_strdup(step->instruction[0] != '\0' ? step->instruction : step->name),
            .state = step->state,
            .index = step->index,
            .duration_ms = step->duration_ms,
            .start_ms = start_of(step, build),
        };
        mem_replace(&copy->service, step->service);
        mem_replace(&copy->stage, step->stage);
    }
}

/* Of several services that were built at once, each took until its last step. */
static int64_t duration_of(const struct build *build, const char *service, bool alone)
{
    int64_t last = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        int64_t end = step->started_mono_ms + step->duration_ms - build->started_mono_ms;
        if (step->started_mono_ms > 0 && belongs(step, service) && end > last)
            last = end;
    }
    return alone || last == 0 ? build->duration_ms : last;
}

/* When another service's step has failed, this one was only called off. */
static enum build_state state_of(const struct build *build, const char *service)
{
    bool own = false, other = false;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->state == STEP_FAILED && belongs(step, service))
            own = true;
        else if (step->state == STEP_FAILED)
            other = true;
    }
    return build->state == BUILD_FAILED && other && !own ? BUILD_CANCELLED : build->state;
}

void build_row_fill(const struct build *build, const char *service, bool alone,
                    struct history_build *row)
{
    copy_steps(build, service, row);
    row->service = mem_strdup(service != NULL ? service : "");
    row->state = state_of(build, service);
    row->exit_status = build->exit_status;
    row->started_at = build->started_at;
    row->duration_ms = duration_of(build, service, alone);
    mem_replace(&row->tools, build->tool);
    if (row->state == BUILD_FAILED)
        mem_replace(&row->error, build->error);
}
