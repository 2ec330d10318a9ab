/* All that could go to make room: garbage, records, and whole caches beside
 * their own garbage. plan_choose() takes the cheapest of it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/loss.h"
#include "core/prune/planner.h"

/* Without a project nobody knows which services there are: all may be. */
static bool may_exist(const struct planner *planner, const struct service *row)
{
    return row->in_project || planner->store->project == NULL;
}

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

static bool goes_whole(const struct planner *planner, const struct service *row)
{
    return planner->query->whole && !(planner->query->keep_live && may_exist(planner, row));
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

/* A busy cache is kept once: as a whole when it could go as such. */
static void add_garbage(struct planner *planner)
{
    const struct store *store = planner->store;
    bool *chosen = mem_zalloc(store->services_len + 1);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        chosen[i] = planner->chosen[i] && is_on_disk(planner, row) &&
                    !(is_busy(planner, row) && goes_whole(planner, row));
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
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        chosen[i] = planner->chosen[i] && is_on_disk(planner, row) && goes_whole(planner, row);
        if (chosen[i] || !planner->query->whole || !planner->chosen[i] || row->cache == NULL ||
            !is_on_disk(planner, row) || row->cache->live_bytes == 0)
            continue;
        struct plan_kept *kept = planner_keep(planner, ITEM_SERVICE, row->id, row->name,
                                              "the live cache of a service that exists");
        mem_replace(&kept->service, row->name);
        kept->size_bytes = row->cache->live_bytes;
    }
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
