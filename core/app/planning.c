/* A plan on request. What it is made from is looked at first: building clients
 * among the processes, the caches concerned, the records. */
#include "core/app/planning.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/builds.h"
#include "core/app/engines.h"
#include "core/app/hub.h"
#include "core/app/known_projects.h"
#include "core/app/owning.h"
#include "core/app/project.h"
#include "core/app/pruning.h"
#include "core/app/scanning.h"
#include "core/app/services.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/cache/busy.h"

struct client_look {
    struct job job;
    pid_t *own_sessions;
    char *client;
};

/* A plan that was asked for. */
struct wish {
    struct query query;   /* with copies of its strings */
    struct strlist texts; /* these copies */
    bilge_plan_cb *on_plan;
    void *arg;
    bool looking; /* the second half: all below was asked for */
    bool client_awaited;
    bool choosing; /* it is nearly there */
};

struct planning {
    struct planning_needs with;
    struct store *store;
    struct wish *wish; /* NULL: none */
};

/* -------------------------------------------------------------- the query */

static const char *keep_text(struct wish *wish, const char *text)
{
    if (text == NULL)
        return NULL;
    strlist_add(&wish->texts, text);
    return wish->texts.items[wish->texts.len - 1];
}

static const char *const *keep_list(struct wish *wish, const char *const *items, size_t len)
{
    const char **copy = mem_alloc(len * sizeof *copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = keep_text(wish, items[i]);
    return copy;
}

static void copy_query(struct wish *wish, const struct query *query)
{
    wish->query = *query;
    wish->query.services = keep_list(wish, query->services, query->services_len);
    wish->query.ids = keep_list(wish, query->ids, query->ids_len);
    wish->query.type = keep_text(wish, query->type);
    wish->query.match = keep_text(wish, query->match);
    wish->query.text = keep_text(wish, query->text);
    wish->query.builder = keep_text(wish, query->builder);
}

static void wish_free(struct wish *wish)
{
    strlist_done(&wish->texts);
    free((void *)wish->query.services);
    free((void *)wish->query.ids);
    free(wish);
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
    struct planning *planning = job->owner;
    (void)cancelled;
    mem_replace(&planning->store->building_client, look->client);
    if (planning->wish != NULL)
        planning->wish->client_awaited = false;
    hub_wake(planning->with.hub);
    free(look->client);
    free(look->own_sessions);
    free(look);
}

static void look_for_clients(struct planning *planning)
{
    struct client_look *look = mem_zalloc(sizeof *look);
    look->job.run = client_run;
    look->job.done = client_done;
    look->job.owner = planning;
    look->own_sessions = builds_sessions(planning->with.builds);
    planning->wish->client_awaited = true;
    job_start(planning->with.hub, &look->job);
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
static void look_at_caches(struct planning *planning)
{
    const struct store *store = planning->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->path != NULL && row->cache != NULL && row->cache->state != CACHE_FOREIGN &&
            store_root_of(store, row->path) != NULL && is_meant(store, &planning->wish->query, row))
            scanning_rescan(planning->with.scanning, row->path, true);
    }
}

/* The records tell of builds, too. */
static void look_at_all(struct planning *planning)
{
    struct wish *wish = planning->wish;
    wish->looking = true;
    if (wants_caches(&wish->query)) {
        look_for_clients(planning);
        look_at_caches(planning);
        known_projects_look(planning->with.projects);
    }
    if (wish->query.services_len > 0)
        project_read_recipes(planning->with.project);
    engines_refresh_for_request(planning->with.engines, wish->query.builder, wish->query.records);
}

/* ---------------------------------------------------------------- the steps */

static void hand_over(struct planning *planning, struct plan *plan, const struct err *err)
{
    struct wish *wish = planning->wish;
    planning->wish = NULL;
    wish->on_plan(wish->arg, plan, err);
    wish_free(wish);
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
    struct planning *planning = job->owner;
    if (cancelled || planning->wish == NULL)
        plan_free(choosing->plan);
    else
        hand_over(planning, choosing->plan, NULL);
    free(choosing);
}

static void finish(struct planning *planning)
{
    struct wish *wish = planning->wish;
    struct plan *plan = NULL;
    struct err err;
    scanning_forget_silent(planning->with.scanning);
    services_join(planning->with.services);
    owning_refresh(planning->store, false);
    if (plan_gather(planning->store, &wish->query, clock_now(), &plan, &err) < 0) {
        hand_over(planning, NULL, &err);
    } else if (plan->wanted_bytes == 0) {
        hand_over(planning, plan, NULL);
    } else {
        struct choosing *choosing = mem_zalloc(sizeof *choosing);
        choosing->job.run = choosing_run;
        choosing->job.done = choosing_done;
        choosing->job.owner = planning;
        choosing->plan = plan;
        wish->choosing = true;
        job_start(planning->with.hub, &choosing->job);
    }
}

static bool is_waiting(const struct planning *planning)
{
    const struct planning_needs *with = &planning->with;
    return planning->wish->client_awaited || scanning_is_waited_for(with->scanning) ||
           engines_waited_for(with->engines) || project_is_reading_recipes(with->project) ||
           known_projects_are_waited_for(with->projects);
}

static void turn(void *owner)
{
    struct planning *planning = owner;
    struct wish *wish = planning->wish;
    if (wish == NULL || wish->choosing)
        return;
    if (!wish->looking) {
        /* Names and caches come from these. */
        if (scanning_is_on(planning->with.scanning) ||
            planning->store->project_load == LOAD_PENDING)
            return;
        look_at_all(planning);
    }
    if (!is_waiting(planning))
        finish(planning);
}

int planning_ask(struct planning *planning, const struct query *query, bilge_plan_cb *on_plan,
                 void *arg, struct err *err)
{
    int code = query_check(query, err);
    if (code < 0)
        return code;
    if (planning->wish != NULL)
        return err_set(err, ERR_BUSY, "a plan is being made");
    if (pruning_is_on(planning->with.pruning))
        return err_set(err, ERR_BUSY, "a removal is under way");
    planning->wish = mem_zalloc(sizeof *planning->wish);
    copy_query(planning->wish, query);
    planning->wish->on_plan = on_plan;
    planning->wish->arg = arg;
    hub_wake(planning->with.hub);
    return 0;
}

bool planning_is_on(const struct planning *planning)
{
    return planning->wish != NULL;
}

void planning_cancel(struct planning *planning)
{
    if (planning->wish != NULL)
        wish_free(planning->wish);
    planning->wish = NULL;
}

struct planning *planning_new(const struct planning_needs *needs)
{
    struct planning *planning = mem_zalloc(sizeof *planning);
    planning->with = *needs;
    planning->store = hub_store(needs->hub);
    hub_set_turn(needs->hub, TURN_PLAN, turn, planning);
    return planning;
}

void planning_free(struct planning *planning)
{
    free(planning);
}
