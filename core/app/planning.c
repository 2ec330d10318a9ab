/* A plan on request. What it is made from is looked at first: building clients
 * among the processes, the caches concerned, the records. */

#include "core/app/planning.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/app.h"
#include "core/app/builds.h"
#include "core/app/engines.h"
#include "core/app/known_projects.h"
#include "core/app/project.h"
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
            store_root_of(store, row->path) != NULL && is_meant(store, &bilge->planning->query, row))
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
    engines_refresh_for_request(bilge, planning->query.builder);
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
