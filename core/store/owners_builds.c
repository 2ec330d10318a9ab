/* Owners by the builds that bilge ran: a record that was made while a build of a
 * service had that very step to do, or used while it had it from the cache. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/build/build.h"
#include "core/store/owners_private.h"

#define SLACK (2 * CLOCK_SECOND)

struct look {
    struct finder *finder;
    size_t service;
    int64_t from, to;
    struct owner_key *steps;
    const struct history_build *build;
};

static bool is_in(const struct look *look, int64_t at)
{
    return at >= look->from && at <= look->to;
}

static bool was_made(const struct look *look, const struct record *record)
{
    return is_in(look, record->created_at);
}

static bool was_used(const struct look *look, const struct record *record)
{
    return record->created_at != 0 && record->created_at <= look->to &&
           is_in(look, record->last_used_at);
}

/* In a record variables stand as they are written, in a build's steps what they
 * were. */
static bool had_step(const struct look *look, size_t index)
{
    const struct record *record = &look->finder->records->items[index];
    const struct owner_key *key = &look->finder->keys[index];
    for (size_t i = 0; i < look->build->steps_len; i++) {
        int state = look->build->steps[i].state;
        bool then = (state == STEP_DONE && was_made(look, record)) ||
                    (state == STEP_CACHED && was_used(look, record));
        if (then && look->steps[i].words != NULL && owner_key_fits(key, &look->steps[i], true))
            return true;
    }
    return false;
}

/* Parallel builds of several services may have the same step each: one that is
 * known from its cache tells which is which. */
static void claim(struct look *look)
{
    struct finder *finder = look->finder;
    for (size_t i = 0; i < finder->records->len; i++) {
        const struct record *record = &finder->records->items[i];
        if (finder->keys[i].words == NULL || finder->keys[i].mount ||
            (!was_made(look, record) && !was_used(look, record)) ||
            set_has(set_at(finder, finder->known, finder->first[i]), look->service))
            continue;
        if (had_step(look, i))
            set_add(set_at(finder, finder->sure, i), look->service);
    }
}

static bool is_own(const struct history_build *build, const struct history_step *step)
{
    return step->index > 0 && step->instruction != NULL &&
           (step->service == NULL || strcmp(step->service, build->service) == 0);
}

static void look_at(struct finder *finder, const struct history_build *build, size_t service)
{
    struct look look = {
        .finder = finder,
        .service = service,
        .from = build->started_at - SLACK,
        .to = build->started_at + build->duration_ms * (CLOCK_SECOND / 1000) + SLACK,
        .steps = mem_zalloc((build->steps_len + 1) * sizeof *look.steps),
        .build = build,
    };
    for (size_t i = 0; i < build->steps_len; i++)
        if (is_own(build, &build->steps[i]))
            look.steps[i] = owner_key_of_step(build->steps[i].stage, build->steps[i].instruction);
    claim(&look);
    for (size_t i = 0; i < build->steps_len; i++)
        owner_key_done(&look.steps[i]);
    free(look.steps);
}

void owners_by_builds(struct finder *finder)
{
    const struct owners_sources *sources = finder->sources;
    for (size_t i = 0; sources->project != NULL && i < sources->past_len; i++) {
        const struct history_build *build = &sources->past[i];
        size_t service = build->service != NULL ? finder_service(finder, build->service) : SIZE_MAX;
        /* Another project may have a service of that name. */
        if (service != SIZE_MAX && build->project != NULL &&
            strcmp(build->project, sources->project->name) == 0)
            look_at(finder, build, service);
    }
}
