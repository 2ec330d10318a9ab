/* How a plan is made: which rows are meant, then part by part. */
#include "core/prune/planner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/rebuild.h"
#include "core/store/leaks.h"

#define TITLE_COLUMNS 400

/* ---------------------------------------------------------- for the parts */

struct plan_item *planner_add(struct planner *planner, enum item_kind kind, const char *id,
                              const char *title)
{
    struct plan *plan = planner->plan;
    mem_reserve((void **)&plan->items, &plan->items_cap, plan->items_len + 1, sizeof *plan->items);
    struct plan_item *item = &plan->items[plan->items_len++];
    *item = (struct plan_item){
        .kind = kind,
        .id = mem_strdup(id),
        .title = text_shorten(title, TITLE_COLUMNS),
        .age_s = -1,
        .cache = CACHE_NONE,
    };
    return item;
}

struct plan_kept *planner_keep(struct planner *planner, enum item_kind kind, const char *id,
                               const char *title, const char *reason)
{
    struct plan *plan = planner->plan;
    mem_reserve((void **)&plan->kept, &plan->kept_cap, plan->kept_len + 1, sizeof *plan->kept);
    struct plan_kept *kept = &plan->kept[plan->kept_len++];
    *kept = (struct plan_kept){
        .kind = kind,
        .id = mem_strdup(id),
        .title = text_shorten(title, TITLE_COLUMNS),
        .reason = mem_strdup(reason),
    };
    return kept;
}

int64_t planner_age(const struct planner *planner, int64_t at)
{
    if (at <= 0)
        return -1;
    return at >= planner->now ? 0 : (planner->now - at) / CLOCK_SECOND;
}

bool planner_wants(const struct planner *planner, int64_t age_s, int64_t size_bytes)
{
    return query_match_age(&planner->match, age_s) && query_match_size(&planner->match, size_bytes);
}

static int by_id(const void *left, const void *right)
{
    return strcmp(((const struct id_slot *)left)->id, ((const struct id_slot *)right)->id);
}

void id_slots_sort(struct id_slot *slots, size_t len)
{
    if (len > 0)
        qsort(slots, len, sizeof *slots, by_id);
}

size_t id_slots_find(const struct id_slot *slots, size_t len, const char *id)
{
    struct id_slot wanted = {.id = id};
    const struct id_slot *found =
        len > 0 ? bsearch(&wanted, slots, len, sizeof *slots, by_id) : NULL;
    return found != NULL ? found->index : SIZE_MAX;
}

/* A digest may be asked for with its algorithm or without. */
bool planner_names(struct planner *planner, const char *id)
{
    static const char algorithm[] = "sha256:";
    const size_t skip = sizeof algorithm - 1, len = planner->query->ids_len;
    if (len == 0)
        return true;
    size_t found = id_slots_find(planner->ids, len, id);
    if (found != SIZE_MAX)
        planner->ids_found[found] = true;
    size_t bare =
        strncmp(id, algorithm, skip) == 0 ? id_slots_find(planner->ids, len, id + skip) : SIZE_MAX;
    if (bare != SIZE_MAX)
        planner->ids_found[bare] = true;
    return found != SIZE_MAX || bare != SIZE_MAX;
}

/* ------------------------------------------------------ the rows asked for */

/* Rows that share a directory stand for the row that has it. */
static void choose_row(struct planner *planner, size_t index)
{
    const struct store *store = planner->store;
    const struct service *row = &store->services[index];
    planner->chosen[index] = true;
    if (!strlist_has(&planner->named, row->name))
        strlist_add(&planner->named, row->name);
    if (row->cache != NULL || row->path == NULL)
        return;
    const struct service *owner = store_service(store, row->path);
    if (owner != NULL)
        planner->chosen[owner - store->services] = true;
}

static int ambiguous(const struct store *store, const char *name, size_t count, struct err *err)
{
    struct buf paths = {0};
    for (size_t i = 0; i < store->services_len; i++)
        if (strcmp(store->services[i].name, name) == 0)
            buf_printf(&paths, "%s%s", paths.len > 0 ? ", " : "", store->services[i].id);
    int code = err_set(err, ERR_USAGE, "%zu caches are named %s; name one by its path: %s", count,
                       name, paths.data);
    buf_done(&paths);
    return code;
}
/* An id names its row. A name stands for the project's service, which may have
 * several caches; outside the project it must be the only one of that name. */
static int choose_named(struct planner *planner, const char *name, struct err *err)
{
    const struct store *store = planner->store;
    const struct service *row = store_service(store, name);
    if (row != NULL) {
        choose_row(planner, (size_t)(row - store->services));
        return 0;
    }
    size_t matching = 0, in_project = 0;
    for (size_t i = 0; i < store->services_len; i++) {
        row = &store->services[i];
        bool same = row->name != NULL && strcmp(row->name, name) == 0;
        matching += same;
        in_project += same && row->in_project;
    }
    if (matching == 0)
        return store_no_service(store, name, err);
    if (in_project == 0 && matching > 1)
        return ambiguous(store, name, matching, err);
    for (size_t i = 0; i < store->services_len; i++) {
        row = &store->services[i];
        if (row->name != NULL && strcmp(row->name, name) == 0 &&
            (in_project == 0 || row->in_project))
            choose_row(planner, i);
    }
    return 0;
}

static int choose_rows(struct planner *planner, struct err *err)
{
    const struct query *query = planner->query;
    int code = 0;
    for (size_t i = 0; i < planner->store->services_len; i++)
        planner->chosen[i] = query->services_len == 0;
    for (size_t i = 0; i < query->services_len && code == 0; i++)
        code = choose_named(planner, query->services[i], err);
    return code;
}

/* ------------------------------------------------------------ the whole */

static int check_ids_found(const struct planner *planner, struct err *err)
{
    const struct query *query = planner->query;
    /* Of one that is given twice either place is marked. */
    for (size_t i = 0; i < query->ids_len; i++)
        if (!planner->ids_found[id_slots_find(planner->ids, query->ids_len, query->ids[i])])
            return err_set(err, ERR_USAGE, "no such record, generation or blob: %s", query->ids[i]);
    return 0;
}

static int make(struct planner *planner, struct err *err)
{
    const struct query *query = planner->query;
    bool caches = query->whole || query->garbage || query->keep_generations > 0;
    bool by_id = query->ids_len > 0 && !caches && !query->records;
    int code = choose_rows(planner, err);
    if (code == 0 && query->free_bytes > 0)
        return planner_candidates(planner, err);
    if (code == 0 && (caches || (by_id && !query_is_of_records(query))))
        planner_caches(planner);
    if (code == 0 && (query->records || (by_id && query->services_len == 0)))
        code = planner_records(planner, err);
    if (code == 0)
        code = check_ids_found(planner, err);
    return code;
}

int plan_make(const struct store *store, const struct query *query, int64_t now,
              struct plan **ret_plan, struct err *err)
{
    int code = plan_gather(store, query, now, ret_plan, err);
    if (code == 0)
        plan_choose(*ret_plan);
    return code;
}

int plan_gather(const struct store *store, const struct query *query, int64_t now,
                struct plan **ret_plan, struct err *err)
{
    int code = query_check(query, err);
    if (code < 0)
        return code;
    struct planner planner = {
        .store = store,
        .query = query,
        .now = now,
        .plan = mem_zalloc(sizeof(struct plan)),
        .chosen = mem_zalloc(store->services_len),
        .ids = mem_alloc((query->ids_len + 1) * sizeof *planner.ids),
        .ids_found = mem_zalloc(query->ids_len + 1),
        .build_sign = leaks_build_sign(store),
        .times = step_times_new(store),
    };
    for (size_t i = 0; i < query->ids_len; i++)
        planner.ids[i] = (struct id_slot){.id = query->ids[i], .index = i};
    id_slots_sort(planner.ids, query->ids_len);
    planner.plan->made_at = now;
    planner.plan->now = query->now;
    planner.plan->wanted_bytes = query->free_bytes;
    code = query_match_init(&planner.match, query, now, err);
    if (code == 0)
        code = make(&planner, err);
    query_match_done(&planner.match);
    free(planner.chosen);
    strlist_done(&planner.named);
    free(planner.ids);
    free(planner.ids_found);
    free(planner.build_sign);
    step_times_free(planner.times);
    if (code < 0) {
        plan_free(planner.plan);
        return code;
    }
    for (size_t i = 0; i < planner.plan->items_len; i++)
        rebuild_fill(store, &planner.plan->items[i], now);
    plan_count(planner.plan);
    *ret_plan = planner.plan;
    return 0;
}

/* All that could go to make room: garbage, records, and whole caches beside
 * their own garbage. plan_choose() takes the cheapest of it. */

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
        chosen[i] = planner->chosen[i] && is_on_disk(planner, row) && !is_kept_whole(planner, row);
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
