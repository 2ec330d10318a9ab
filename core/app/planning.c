/* A plan on request. What it is made from is looked at first: building clients
 * among the processes, the caches concerned, the records. */
#include "core/app/planning.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/builds.h"
#include "core/app/caches.h"
#include "core/app/engines.h"
#include "core/app/keeping.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/cache/busy.h"
#include "core/store/leaks.h"

struct client_look {
    struct job job;
    pid_t *own_sessions;
    char *client;
};

struct planning {
    struct query query; /* with copies of its strings */
    struct strlist texts; /* these copies */
    bilge_plan_cb *on_plan;
    void *arg;
    bool looking; /* the second half: all below was asked for */
    bool client_awaited;
    bool choosing; /* it is nearly there */
};

/* -------------------------------------------------------------- the query */

static const char *keep_text(struct planning *planning, const char *text)
{
    if (text == NULL)
        return NULL;
    strlist_add(&planning->texts, text);
    return planning->texts.items[planning->texts.len - 1];
}

static const char *const *keep_list(struct planning *planning, const char *const *items, size_t len)
{
    const char **copy = mem_alloc(len * sizeof *copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = keep_text(planning, items[i]);
    return copy;
}

static void copy_query(struct planning *planning, const struct query *query)
{
    planning->query = *query;
    planning->query.services = keep_list(planning, query->services, query->services_len);
    planning->query.ids = keep_list(planning, query->ids, query->ids_len);
    planning->query.type = keep_text(planning, query->type);
    planning->query.match = keep_text(planning, query->match);
    planning->query.text = keep_text(planning, query->text);
    planning->query.builder = keep_text(planning, query->builder);
}

static void planning_free(struct planning *planning)
{
    strlist_done(&planning->texts);
    free((void *)planning->query.services);
    free((void *)planning->query.ids);
    free(planning);
}

/* Which records are a service's is read from its cache. */
static bool wants_caches(const struct query *query)
{
    return query->whole || query->garbage || query->keep_generations > 0 ||
           (query->ids_len > 0 && !query->records) || query->services_len > 0;
}

/* ---------------------------------------------------------------- looking */

static void client_run(struct job *job)
{
    struct client_look *look = (struct client_look *)job;
    look->client = busy_building_client(look->own_sessions);
}

static void client_done(struct job *job, bool cancelled)
{
    struct client_look *look = (struct client_look *)job;
    struct bilge *bilge = job->bilge;
    (void)cancelled;
    mem_replace(&bilge->store->building_client, look->client);
    if (bilge->planning != NULL)
        bilge->planning->client_awaited = false;
    bilge_wake(bilge);
    free(look->client);
    free(look->own_sessions);
    free(look);
}

static void look_for_clients(struct bilge *bilge)
{
    struct client_look *look = mem_zalloc(sizeof *look);
    look->job.run = client_run;
    look->job.done = client_done;
    look->own_sessions = builds_sessions(bilge);
    bilge->planning->client_awaited = true;
    job_start(bilge, &look->job);
}

/* By the id of a row that shares its directory with this one. */
static bool is_meant_by_id(const struct store *store, const char *asked, const struct service *row)
{
    const struct service *other = store_service(store, asked);
    return other != NULL && other->path != NULL && strcmp(other->path, row->path) == 0;
}

static bool is_meant(const struct store *store, const struct query *query,
                     const struct service *row)
{
    bool meant = query->services_len == 0;
    for (size_t i = 0; i < query->services_len && !meant; i++) {
        const char *asked = query->services[i];
        meant = strcmp(asked, row->name) == 0 || is_meant_by_id(store, asked, row);
        for (size_t j = 0; j < row->same_path_len && !meant; j++)
            meant = strcmp(asked, row->same_path[j]) == 0;
    }
    return meant;
}

/* Directories that are no caches are never touched: their million files need
 * not be counted again. */
static void look_at_caches(struct bilge *bilge)
{
    const struct store *store = bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->path != NULL && row->cache != NULL && row->cache->state != CACHE_FOREIGN &&
            roots_of(store, row->path) != NULL && is_meant(store, &bilge->planning->query, row))
            caches_rescan(bilge, row->path, true);
    }
}

/* The records tell of builds, too. */
static void look_at_all(struct bilge *bilge)
{
    struct planning *planning = bilge->planning;
    planning->looking = true;
    if (wants_caches(&planning->query)) {
        look_for_clients(bilge);
        look_at_caches(bilge);
        projects_look(bilge);
    }
    if (planning->query.services_len > 0)
        recipes_read(bilge);
    engines_refresh_for_request(bilge, planning->query.builder, planning->query.records);
}

/* ---------------------------------------------------------------- the steps */

static void hand_over(struct bilge *bilge, struct plan *plan, const struct err *err)
{
    struct planning *planning = bilge->planning;
    bilge->planning = NULL;
    planning->on_plan(planning->arg, plan, err);
    planning_free(planning);
}

/* The cheapest of many takes a while: not on the loop. */
struct choosing {
    struct job job;
    struct plan *plan;
};

static void choosing_run(struct job *job)
{
    plan_choose(((struct choosing *)job)->plan);
}

static void choosing_done(struct job *job, bool cancelled)
{
    struct choosing *choosing = (struct choosing *)job;
    struct bilge *bilge = job->bilge;
    if (cancelled || bilge->planning == NULL)
        plan_free(choosing->plan);
    else
        hand_over(bilge, choosing->plan, NULL);
    free(choosing);
}

static void finish(struct bilge *bilge)
{
    struct planning *planning = bilge->planning;
    struct plan *plan = NULL;
    struct err err;
    caches_forget_silent(bilge);
    services_join(bilge);
    owning_refresh(bilge, false);
    if (plan_gather(bilge->store, &planning->query, clock_now(), &plan, &err) < 0) {
        hand_over(bilge, NULL, &err);
    } else if (plan->wanted_bytes == 0) {
        hand_over(bilge, plan, NULL);
    } else {
        struct choosing *choosing = mem_zalloc(sizeof *choosing);
        choosing->job.run = choosing_run;
        choosing->job.done = choosing_done;
        choosing->plan = plan;
        planning->choosing = true;
        job_start(bilge, &choosing->job);
    }
}

void planning_step(struct bilge *bilge)
{
    struct planning *planning = bilge->planning;
    if (planning == NULL || planning->choosing)
        return;
    if (!planning->looking) {
        /* Names and caches come from these. */
        if (caches_scanning(bilge) || bilge->store->project_load == LOAD_PENDING)
            return;
        look_at_all(bilge);
    }
    if (!planning->client_awaited && !caches_waited_for(bilge) && !engines_waited_for(bilge) &&
        !recipes_waited_for(bilge) && !projects_waited_for(bilge))
        finish(bilge);
}

int bilge_plan(struct bilge *bilge, const struct query *query, bilge_plan_cb *on_plan, void *arg,
               struct err *err)
{
    int code = query_check(query, err);
    if (code < 0)
        return code;
    if (bilge->planning != NULL)
        return err_set(err, ERR_BUSY, "a plan is being made");
    if (bilge->pruning != NULL)
        return err_set(err, ERR_BUSY, "a removal is under way");
    bilge->planning = mem_zalloc(sizeof *bilge->planning);
    copy_query(bilge->planning, query);
    bilge->planning->on_plan = on_plan;
    bilge->planning->arg = arg;
    bilge_wake(bilge);
    return 0;
}

void planning_cancel(struct bilge *bilge)
{
    if (bilge->planning != NULL)
        planning_free(bilge->planning);
    bilge->planning = NULL;
}

/* A removal: what an earlier one left is finished, the records are read again, the
 * plan is carried out, what it has touched is looked at again; only then it is
 * over. */

enum phase { PHASE_READING, PHASE_REMOVING, PHASE_LOOKING };

struct pruning {
    struct plan *plan;
    enum phase phase;
    bool finishing;          /* an earlier one */
    struct execute *execute; /* while removing */
    pid_t *own_sessions;
    char *build_sign; /* a build has begun since the plan was made; NULL: none */
    bool given_up; /* what it waits for does not answer: it counts as over */
};

bool pruning_caches(const struct bilge *bilge)
{
    const struct plan *plan = bilge->pruning != NULL ? bilge->pruning->plan : NULL;
    for (size_t i = 0; plan != NULL && i < plan->items_len; i++)
        if (plan->items[i].kind != ITEM_RECORD)
            return true;
    return false;
}

/* Of the builders that the plan's records belong to. */
static void read_records(struct bilge *bilge)
{
    const struct plan *plan = bilge->pruning->plan;
    const char *last = NULL;
    for (size_t i = 0; i < plan->items_len; i++) {
        const char *builder = plan->items[i].builder;
        if (builder == NULL || (last != NULL && strcmp(last, builder) == 0))
            continue;
        engines_refresh_for_request(bilge, builder, true);
        last = builder;
    }
}

/* --------------------------------------------------------------- executing */

static struct engine *engine_of(void *arg, const char *builder)
{
    struct bilge *bilge = arg;
    const struct builder *found = store_builder(bilge->store, builder);
    return found != NULL && found->embedded ? bilge->engine : NULL;
}

static struct root *root_of(void *arg, const char *path, struct lane **ret_lane)
{
    return roots_open_place(arg, path, ret_lane);
}

static void on_progress(void *arg, size_t items_done, int64_t freed_bytes)
{
    struct bilge *bilge = arg;
    if (bilge->pruning->given_up)
        return;
    bilge->store->prune.items_done = items_done;
    bilge->store->prune.freed_bytes = freed_bytes;
    bilge_moved(bilge);
}

static void on_failure(void *arg, size_t index, const struct err *err)
{
    struct bilge *bilge = arg;
    if (bilge->pruning->given_up)
        return;
    store_add_failure(bilge->store, bilge->pruning->plan->items[index].id, err->text);
    bilge_moved(bilge);
}

static void pruning_free(struct bilge *bilge)
{
    plan_free(bilge->pruning->plan);
    free(bilge->pruning->own_sessions);
    free(bilge->pruning->build_sign);
    free(bilge->pruning);
    bilge->pruning = NULL;
}

static void on_done(void *arg)
{
    struct bilge *bilge = arg;
    struct pruning *pruning = bilge->pruning;
    pruning->execute = NULL;
    pruning->phase = PHASE_LOOKING;
    if (bilge->closing) {
        pruning_free(bilge);
        bilge_close_if_idle(bilge);
        return;
    }
    const char *last = NULL;
    for (size_t i = 0; i < pruning->plan->items_len; i++) {
        const char *id = pruning->plan->items[i].service_id;
        if (id != NULL && (last == NULL || strcmp(last, id) != 0))
            caches_rescan(bilge, id, true);
        last = id;
    }
    read_records(bilge);
    bilge_wake(bilge);
}

static const struct execute_ops execute_ops = {
    .on_progress = on_progress,
    .on_failure = on_failure,
    .on_done = on_done,
};

static void start(struct bilge *bilge)
{
    struct pruning *pruning = bilge->pruning;
    pruning->phase = PHASE_REMOVING;
    pruning->own_sessions = builds_sessions(bilge);
    pruning->build_sign = leaks_build_sign(bilge->store);
    struct execute_env env = {
        .own_sessions = pruning->own_sessions,
        .build_sign = pruning->build_sign,
        .store = bilge->store,
        .root_of = root_of,
        .engine_of = engine_of,
    };
    pruning->execute = execute_start(bilge->loop, pruning->plan, &env, &execute_ops, bilge);
    if (bilge->store->prune.cancelled)
        execute_cancel(pruning->execute);
}

static void pruning_finish(struct bilge *bilge)
{
    bool told = bilge->pruning->given_up;
    pruning_free(bilge);
    services_join(bilge);
    if (!told)
        bilge->store->prune.state = PRUNE_OVER;
    caches_look_unfinished(bilge, NULL);
    disks_refresh(bilge);
    bilge_moved(bilge);
}

void pruning_step(struct bilge *bilge)
{
    struct pruning *pruning = bilge->pruning;
    if (pruning == NULL || pruning->phase == PHASE_REMOVING || pruning->finishing ||
        engines_waited_for(bilge))
        return;
    if (pruning->phase == PHASE_READING)
        start(bilge);
    else if (!caches_waited_for(bilge))
        pruning_finish(bilge);
}

/* ------------------------------------------------------------------- silence */

static bool is_silent(void *arg, const struct lane *lane)
{
    return roots_hang(arg, (struct lane *)lane);
}

static void give_up_item(void *arg, size_t index)
{
    struct bilge *bilge = arg;
    const struct plan_item *item = &bilge->pruning->plan->items[index];
    const struct site *site =
        item->service_id != NULL ? roots_site(bilge, item->service_id) : NULL;
    char *silence = site != NULL ? roots_silence(site) : mem_strdup("no answer");
    char *text = mem_printf("%s: whether it was deleted is not known", silence);
    store_add_failure(bilge->store, item->id, text);
    free(text);
    free(silence);
}

void pruning_look(struct bilge *bilge)
{
    struct pruning *pruning = bilge->pruning;
    if (pruning == NULL || pruning->phase != PHASE_REMOVING || pruning->given_up ||
        !execute_is_stuck(pruning->execute, is_silent, bilge))
        return;
    execute_cancel(pruning->execute);
    execute_each_left(pruning->execute, give_up_item, bilge);
    pruning->given_up = true;
    bilge->store->prune.state = PRUNE_OVER;
    bilge_moved(bilge);
}

bool pruning_is_over(const struct bilge *bilge)
{
    return bilge->pruning == NULL ||
           (bilge->pruning->execute != NULL &&
            execute_is_stuck(bilge->pruning->execute, is_silent, (void *)bilge));
}

void pruning_leave(struct bilge *bilge)
{
    if (bilge->pruning != NULL)
        execute_leave(bilge->pruning->execute);
    bilge->pruning = NULL;
}

/* ------------------------------------------------------------------ requests */

static int check(const struct bilge *bilge, const struct plan *plan, struct err *err)
{
    if (bilge->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is deleted");
    if (bilge->pruning != NULL)
        return err_set(err, ERR_BUSY, "a removal is under way");
    int64_t age = clock_now() - plan->made_at;
    if (age < 0 || age > PLAN_VALID_SECONDS * CLOCK_SECOND)
        return err_set(err, ERR_CHANGED, "the plan is older than a minute: make it again");
    for (size_t i = 0; i < plan->items_len && !plan->now; i++) {
        const char *id = plan->items[i].service_id;
        const struct service *row = id != NULL ? store_service(bilge->store, id) : NULL;
        if (row != NULL && row->busy_sign != NULL)
            return err_set(err, ERR_CHANGED, "%s: %s; make the plan again", row->name,
                           row->busy_sign);
    }
    return 0;
}

static void on_finished(void *arg)
{
    struct bilge *bilge = arg;
    if (bilge->pruning == NULL)
        return;
    bilge->pruning->finishing = false;
    if (!bilge->closing)
        bilge_wake(bilge);
}

int bilge_execute(struct bilge *bilge, struct plan *plan, struct err *err)
{
    int code = check(bilge, plan, err);
    if (code < 0)
        return code;
    bilge->pruning = mem_zalloc(sizeof *bilge->pruning);
    bilge->pruning->plan = plan;
    bilge->pruning->finishing = true;
    store_start_prune(bilge->store, plan->items_len, plan->planned_bytes);
    caches_finish(bilge, on_finished, bilge);
    read_records(bilge);
    disks_refresh(bilge);
    bilge_moved(bilge);
    return 0;
}

void bilge_execute_cancel(struct bilge *bilge)
{
    if (bilge->pruning == NULL || bilge->pruning->phase == PHASE_LOOKING)
        return;
    if (bilge->pruning->execute != NULL && bilge->store->prune.cancelled)
        execute_hang_up(bilge->pruning->execute);
    else if (bilge->pruning->execute != NULL)
        execute_cancel(bilge->pruning->execute);
    bilge->store->prune.cancelled = true;
    bilge_moved(bilge);
}

void pruning_cancel(struct bilge *bilge)
{
    if (bilge->pruning == NULL)
        return;
    if (bilge->pruning->execute != NULL)
        execute_hang_up(bilge->pruning->execute); /* nobody waits any more */
    else
        pruning_free(bilge);
}
