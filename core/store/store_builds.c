/* Builds of this run, and those that are remembered. */
#include <stdlib.h>
#include <string.h>

#include "core/store/store_private.h"

static void step_times_clear(struct store *store)
{
    for (size_t i = 0; i < store->step_times_len; i++)
        free(store->step_times[i].instruction);
    free(store->step_times);
}

void store_builds_done(struct store *store)
{
    for (size_t i = 0; i < store->builds_len; i++)
        build_free(store->builds[i]);
    free(store->builds);
    history_builds_free(store->past, store->past_len);
    history_builds_free(store->elsewhere, store->elsewhere_len);
    step_times_clear(store);
}

const struct build *store_build(const struct store *store, uint64_t id)
{
    for (size_t i = store->builds_len; i-- > 0;)
        if (store->builds[i]->id == id)
            return store->builds[i];
    return NULL;
}

const struct build *store_last_build(const struct store *store, const char *service)
{
    const struct build *waiting = NULL;
    for (size_t i = store->builds_len; i-- > 0;) {
        const struct build *build = store->builds[i];
        if (!build_has_service(build, service))
            continue;
        if (build->state != BUILD_QUEUED)
            return build;
        waiting = build;
    }
    return waiting;
}

static bool has_begun(const struct build *build)
{
    return build->state != BUILD_QUEUED;
}

/* Is there a build newer than builds[index] of this service? */
static bool built_since(const struct store *store, size_t index, const char *service)
{
    for (size_t i = index + 1; i < store->builds_len; i++)
        if (has_begun(store->builds[i]) && build_has_service(store->builds[i], service))
            return true;
    return false;
}

static bool all_built_since(const struct store *store, size_t index)
{
    for (size_t i = index + 1; i < store->builds_len; i++)
        if (has_begun(store->builds[i]) && store->builds[i]->services_len == 0)
            return true;
    return false;
}

static bool is_superseded(const struct store *store, size_t index)
{
    const struct build *build = store->builds[index];
    if (!build_is_over(build))
        return false;
    if (build->services_len == 0)
        return all_built_since(store, index);
    for (size_t i = 0; i < build->services_len; i++)
        if (!built_since(store, index, build->services[i]))
            return false;
    return true;
}

static void remove_build(struct store *store, size_t index)
{
    build_free(store->builds[index]);
    store_close_gap(store->builds, &store->builds_len, index, sizeof(struct build *));
}

void store_tidy_builds(struct store *store)
{
    for (size_t i = store->builds_len; i-- > 0;)
        if (is_superseded(store, i))
            remove_build(store, i);
    store_touch(store);
}

void store_add_build(struct store *store, struct build *takes)
{
    store->builds = store_grow(store->builds, &store->builds_len, sizeof(struct build *));
    store->builds[store->builds_len - 1] = takes;
    store_tidy_builds(store);
}

void store_remove_build(struct store *store, uint64_t id)
{
    for (size_t i = store->builds_len; i-- > 0;)
        if (store->builds[i]->id == id)
            remove_build(store, i);
    store_touch(store);
}

const struct history_build *store_past_build(const struct store *store, const char *service)
{
    for (size_t i = 0; i < store->past_len; i++)
        if (strcmp(store->past[i].service, service) == 0 &&
            !history_build_is_bench(&store->past[i]))
            return &store->past[i];
    return NULL;
}

void store_set_past(struct store *store, struct history_build *takes, size_t len)
{
    history_builds_free(store->past, store->past_len);
    store->past = takes;
    store->past_len = len;
    store_touch(store);
}

void store_set_elsewhere(struct store *store, struct history_build *takes, size_t len)
{
    history_builds_free(store->elsewhere, store->elsewhere_len);
    store->elsewhere = takes;
    store->elsewhere_len = len;
    store_touch(store);
}

void store_set_step_times(struct store *store, struct history_step_time *takes, size_t len)
{
    step_times_clear(store);
    store->step_times = takes;
    store->step_times_len = len;
}
