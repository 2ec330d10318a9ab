/* All that could go to make room: garbage, records, and whole caches beside
 * their own garbage. plan_choose() takes the cheapest of it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/loss.h"
#include "core/prune/planner.h"

static bool is_on_disk(const struct planner *planner, const struct service *row)
{
    uint64_t dev = planner->query->disk_dev;
    return dev == 0 || (row->cache != NULL && row->cache->dev == dev);
}

static bool is_busy(const struct planner *planner, const struct service *row)
{
    return !planner->query->now &&
           (service_busy_sign(row) != NULL || planner->store->building_client != NULL ||
            planner->build_sign != NULL);
}

/* Runs planner_caches() with one scope alone, over the rows of `chosen`. */
static void add_scope(struct planner *planner, struct query scope, bool *chosen)
{
    const struct query *query = planner->query;
    bool *all = planner->chosen;
    planner->query = &scope;
    planner->chosen = chosen;
    planner_caches(planner);
    planner->query = query;
    planner->chosen = all;
}

/* What is kept is said once: of the whole directory, when that is looked at too. */
static bool is_kept_whole(const struct planner *planner, const struct service *row)
{
    bool unread = row->cache != NULL && row->cache->state == CACHE_UNREADABLE;
    return planner->query->whole &&
           (unread || (is_busy(planner, row) && planner_takes_whole(planner, row)));
}

static void add_garbage(struct planner *planner)
{
    const struct store *store = planner->store;
    bool *chosen = mem_zalloc(store->services_len + 1);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        chosen[i] = planner->chosen[i] && is_on_disk(planner, row) &&
                    !is_kept_whole(planner, row);
    }
    struct query scope = *planner->query;
    scope.whole = false;
    add_scope(planner, scope, chosen);
    free(chosen);
}

static void add_wholes(struct planner *planner)
{
    const struct store *store = planner->store;
    bool *chosen = mem_zalloc(store->services_len + 1);
    for (size_t i = 0; i < store->services_len; i++)
        chosen[i] = planner->chosen[i] && is_on_disk(planner, &store->services[i]);
    struct query scope = *planner->query;
    scope.garbage = false;
    add_scope(planner, scope, chosen);
    free(chosen);
}

static bool records_on_disk(const struct planner *planner)
{
    const struct query *query = planner->query;
    const struct builder *builder = query->builder != NULL
                                        ? store_builder(planner->store, query->builder)
                                        : store_selected_builder(planner->store);
    return query->disk_dev == 0 || (builder != NULL && builder->disk_dev == query->disk_dev);
}

int planner_candidates(struct planner *planner, struct err *err)
{
    int code = 0;
    if (planner->query->garbage)
        add_garbage(planner);
    if (planner->query->whole)
        add_wholes(planner);
    if (planner->query->records && records_on_disk(planner))
        code = planner_records(planner, err);
    return code;
}
