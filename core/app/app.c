/* The object behind the door core/bilge.h: one of each concern, the lower ones first.
 *
 *   hub        the loop, the store, jobs on the pool, the turns of a loop pass
 *   engines    the engine, buildx's builders, docker's contexts
 *   lanes      the threads that work in cache roots, and how long anybody waits
 *   roots      finds and opens the directories
 *   project    compose's word, and the Dockerfiles
 *   recorder   writes a build that is over into the history
 *   builds     those that wait and run
 *   services   joins the project's services with the directories
 *   disks      free space below the roots and the engine's data
 *   memory     the history: samples, texts of layers, what is foreseen
 *   projects   which caches other projects name
 *   scanning   reads the caches
 *   watching   follows changes of them
 *   pruning, planning, repairing, examining: requests, which go through several
 *
 * A concern calls those above it in this list, which it was given; what it has to tell
 * the others it raises as an event, and here it is led on. */
#include "core/bilge.h"

#include <stdlib.h>

#include "core/app/builds.h"
#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/examining.h"
#include "core/app/hub.h"
#include "core/app/known_projects.h"
#include "core/app/lanes.h"
#include "core/app/memory.h"
#include "core/app/owning.h"
#include "core/app/planning.h"
#include "core/app/project.h"
#include "core/app/pruning.h"
#include "core/app/recording.h"
#include "core/app/repairing.h"
#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/app/services.h"
#include "core/app/watching.h"
#include "core/base/mem.h"

struct bilge {
    struct hub *hub;
    struct engines *engines;
    struct lanes *lanes;
    struct roots *roots;
    struct project *project;
    struct recorder *recorder;
    struct builds *builds;
    struct services *services;
    struct disks *disks;
    struct memory *memory;
    struct known_projects *projects;
    struct scanning *scanning;
    struct watching *watching;
    struct pruning *pruning;
    struct planning *planning;
    struct repairing *repairing;
    struct examining *examining;

    struct store *store; /* the hub's */
    bilge_change_cb *on_change;
    void *arg;
    bool skip_caches, skip_engine, skip_project;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

/* ------------------------------------------------------------------- events */

static void on_rows(void *arg)
{
    struct bilge *bilge = arg;
    services_need_join(bilge->services);
}

static void on_link(void *arg)
{
    struct bilge *bilge = arg;
    services_join(bilge->services);
}

static void on_found(void *arg)
{
    struct bilge *bilge = arg;
    watching_sites(bilge->watching);
}

static void on_names(void *arg, struct site *site, struct strlist *names, bool whole)
{
    struct bilge *bilge = arg;
    watching_compare(bilge->watching, site, names, whole);
}

static void on_first(void *arg, struct site *site)
{
    struct bilge *bilge = arg;
    if (site_root(site) != NULL)
        scanning_look_unfinished(bilge->scanning, site);
    disks_refresh(bilge->disks);
}

static void on_scan(void *arg, struct site *site)
{
    struct bilge *bilge = arg;
    scanning_scan(bilge->scanning, site);
}

static void on_silence(void *arg, struct site *site, bool silent)
{
    struct bilge *bilge = arg;
    if (silent)
        scanning_give_up(bilge->scanning, site);
}

static void on_search(void *arg)
{
    struct bilge *bilge = arg;
    scanning_note(bilge->scanning);
}

static const struct roots_ops roots_ops = {
    .on_rows = on_rows,
    .on_link = on_link,
    .on_found = on_found,
    .on_names = on_names,
    .on_first = on_first,
    .on_scan = on_scan,
    .on_silence = on_silence,
    .on_search = on_search,
};

static void on_cache(void *arg, struct site *site, const struct cache *cache)
{
    struct bilge *bilge = arg;
    watching_cache(bilge->watching, site, cache);
}

static bool on_lanes_look(void *arg)
{
    struct bilge *bilge = arg;
    bool silent = roots_note_silence(bilge->roots);
    disks_answered(bilge->disks);
    known_projects_give_up(bilge->projects);
    repairing_look(bilge->repairing);
    pruning_look(bilge->pruning);
    return silent;
}

static void on_data_root(void *arg)
{
    struct bilge *bilge = arg;
    disks_refresh(bilge->disks);
}

/* The roots are known from here on, whatever came of the project. */
static void on_project(void *arg)
{
    struct bilge *bilge = arg;
    if (!bilge->skip_caches)
        roots_from_project(bilge->roots);
    known_projects_look(bilge->projects);
    services_join(bilge->services);
    project_read_recipes(bilge->project);
    if (bilge->store->builders_load == LOAD_PENDING)
        engines_list(bilge->engines);
    hub_moved(bilge->hub);
}

static void on_build_begun(void *arg)
{
    struct bilge *bilge = arg;
    services_mark_builds(bilge->services);
    disks_refresh(bilge->disks);
}

static void on_build_withdrawn(void *arg)
{
    struct bilge *bilge = arg;
    services_mark_builds(bilge->services);
}

/* Looks again at what it has changed. */
static void on_build_over(void *arg, const struct build *build)
{
    struct bilge *bilge = arg;
    const struct store *store = bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->in_project && row->path != NULL && build_has_service(build, row->name) &&
            store_root_of(store, row->path) != NULL)
            scanning_rescan(bilge->scanning, row->path, false);
    }
    engines_refresh(bilge->engines);
    disks_refresh(bilge->disks);
    services_mark_builds(bilge->services);
}

static const struct builds_ops builds_ops = {
    .on_begun = on_build_begun,
    .on_withdrawn = on_build_withdrawn,
    .on_over = on_build_over,
};

/* -------------------------------------------------------------------- turns */

static void own(void *owner)
{
    struct store *store = owner;
    owning_refresh(store, store->scanning);
}

static void tell(void *owner)
{
    struct bilge *bilge = owner;
    bilge->on_change(bilge->arg);
}

/* ------------------------------------------------------- opening and closing */

static void free_all(struct bilge *bilge)
{
    examining_free(bilge->examining);
    repairing_free(bilge->repairing);
    planning_free(bilge->planning);
    pruning_free(bilge->pruning);
    watching_free(bilge->watching);
    scanning_free(bilge->scanning);
    known_projects_free(bilge->projects);
    memory_free(bilge->memory);
    disks_free(bilge->disks);
    services_free(bilge->services);
    builds_free(bilge->builds);
    recorder_free(bilge->recorder);
    project_free(bilge->project);
    roots_free(bilge->roots);
    lanes_free(bilge->lanes);
    engines_free(bilge->engines);
    hub_free(bilge->hub);
    free(bilge);
}

static void on_closed(void *arg)
{
    struct bilge *bilge = arg;
    void (*then)(void *arg) = bilge->on_closed;
    void *closed_arg = bilge->closed_arg;
    free_all(bilge);
    if (then != NULL)
        then(closed_arg);
}

static void on_rest(void *arg)
{
    struct bilge *bilge = arg;
    if (hub_is_busy(bilge->hub) || builds_run(bilge->builds) || !lanes_at_rest(bilge->lanes) ||
        !pruning_is_over(bilge->pruning))
        return;
    pruning_leave(bilge->pruning);
    lanes_close(bilge->lanes);
    engines_close(bilge->engines);
    disks_close(bilge->disks);
    repairing_close(bilge->repairing);
    hub_end(bilge->hub);
}

static const struct hub_ops hub_ops = {
    .on_rest = on_rest,
    .on_closed = on_closed,
};

static void make_requests(struct bilge *bilge)
{
    const struct pruning_needs pruning_needs = {
        .hub = bilge->hub,
        .lanes = bilge->lanes,
        .roots = bilge->roots,
        .scanning = bilge->scanning,
        .services = bilge->services,
        .engines = bilge->engines,
        .builds = bilge->builds,
        .disks = bilge->disks,
    };
    bilge->pruning = pruning_new(&pruning_needs);
    const struct planning_needs planning_needs = {
        .hub = bilge->hub,
        .scanning = bilge->scanning,
        .services = bilge->services,
        .engines = bilge->engines,
        .builds = bilge->builds,
        .project = bilge->project,
        .projects = bilge->projects,
        .pruning = bilge->pruning,
    };
    bilge->planning = planning_new(&planning_needs);
    bilge->repairing = repairing_new(bilge->hub, bilge->lanes, bilge->roots, bilge->scanning,
                                     bilge->engines, bilge->builds);
    bilge->examining = examining_new(bilge->hub, bilge->roots, bilge->engines);
}

/* The lower ones first. */
static void make_concerns(struct bilge *bilge, const struct bilge_options *options)
{
    struct hub *hub = bilge->hub;
    bilge->lanes = lanes_new(hub, options->watch, on_lanes_look, bilge);
    bilge->roots = roots_new(hub, bilge->lanes, options, &roots_ops, bilge);
    bilge->project = project_new(hub, options, on_project, bilge);
    bilge->recorder = recorder_new(hub, bilge->lanes, bilge->roots, options);
    bilge->builds = builds_new(hub, bilge->recorder, options, &builds_ops, bilge);
    bilge->services = services_new(hub, bilge->builds);
    bilge->disks =
        disks_new(hub, bilge->lanes, bilge->roots, bilge->engines, bilge->builds, options);
    bilge->memory = memory_new(hub, bilge->disks, options);
    bilge->projects =
        known_projects_new(hub, bilge->lanes, bilge->services, bilge->memory, options);
    bilge->scanning = scanning_new(hub, bilge->lanes, bilge->roots, bilge->services, bilge->engines,
                                   bilge->disks, options->watch, on_cache, bilge);
    bilge->watching = watching_new(hub, bilge->roots, bilge->scanning, options->watch);
    make_requests(bilge);
    hub_set_turn(hub, TURN_OWN, own, bilge->store);
    hub_set_turn(hub, TURN_TELL, tell, bilge);
}

/* What waits for nobody starts here; what needs the project's word starts when
 * the project has been read. */
static void start(struct bilge *bilge)
{
    struct store *store = bilge->store;
    store->builders_load = bilge->skip_engine ? LOAD_DONE : LOAD_PENDING;
    store->project_load = bilge->skip_project ? LOAD_DONE : LOAD_PENDING;
    store->recipes_load = store->project_load;
    disks_refresh(bilge->disks);
    engines_read_contexts(bilge->engines);
    if (!bilge->skip_caches && (roots_are_given(bilge->roots) || bilge->skip_project))
        roots_from_options(bilge->roots);
    if (bilge->skip_project) {
        engines_list(bilge->engines);
        known_projects_look(bilge->projects);
    } else {
        project_load(bilge->project);
    }
    hub_moved(bilge->hub);
}

int bilge_open(uv_loop_t *loop, const struct bilge_options *options, bilge_change_cb *on_change,
               void *arg, struct bilge **ret_bilge, struct err *err)
{
    struct bilge *bilge = mem_zalloc(sizeof *bilge);
    bilge->hub = hub_new(loop, &hub_ops, bilge);
    bilge->store = hub_store(bilge->hub);
    bilge->on_change = on_change;
    bilge->arg = arg;
    bilge->skip_caches = options->skip_caches;
    bilge->skip_engine = options->skip_engine;
    bilge->skip_project = options->skip_project;
    bilge->store->read_only = options->read_only;
    if (options->abandoned_after_s > 0)
        bilge->store->abandoned_after_s = options->abandoned_after_s;
    int code = engines_new(bilge->hub, options, on_data_root, bilge, &bilge->engines, err);
    if (code < 0) {
        hub_free(bilge->hub);
        free(bilge);
        return code;
    }
    hub_open(bilge->hub);
    make_concerns(bilge, options);
    start(bilge);
    *ret_bilge = bilge;
    return 0;
}

void bilge_close(struct bilge *bilge, void (*then)(void *arg), void *arg)
{
    if (hub_is_closing(bilge->hub))
        return;
    bilge->on_closed = then;
    bilge->closed_arg = arg;
    hub_close(bilge->hub);
    disks_stop(bilge->disks);
    engines_stop(bilge->engines);
    planning_cancel(bilge->planning);
    project_cancel(bilge->project);
    scanning_cancel(bilge->scanning);
    watching_cancel(bilge->watching);
    roots_cancel(bilge->roots);
    builds_stop_all(bilge->builds);
    pruning_cancel(bilge->pruning);
    repairing_cancel(bilge->repairing);
    examining_cancel(bilge->examining);
    hub_rest(bilge->hub);
}

/* ----------------------------------------------------------------- the door */

const struct store *bilge_store(const struct bilge *bilge)
{
    return bilge->store;
}

void bilge_rescan(struct bilge *bilge, const char *service_id)
{
    if (service_id != NULL) {
        const struct service *service = store_service(bilge->store, service_id);
        if (service != NULL && service->path != NULL &&
            store_root_of(bilge->store, service->path) != NULL)
            scanning_rescan(bilge->scanning, service->path, false);
        return;
    }
    if (!bilge->skip_caches)
        scanning_look(bilge->scanning);
    if (!bilge->skip_project)
        project_load(bilge->project);
    if (!bilge->skip_engine) {
        engines_read_contexts(bilge->engines);
        engines_list(bilge->engines);
        engines_refresh(bilge->engines);
    }
    disks_refresh(bilge->disks);
}

int bilge_use_context(struct bilge *bilge, const char *name, struct err *err)
{
    if (builds_run(bilge->builds) || builds_wait(bilge->builds))
        return err_set(err, ERR_BUSY, "a build is running: change the context when it is over");
    if (pruning_is_on(bilge->pruning) || planning_is_on(bilge->planning))
        return err_set(err, ERR_BUSY, "a removal is under way: change the context when it is over");
    int code = engines_use_context(bilge->engines, name, err);
    if (code < 0)
        return code;
    disks_refresh(bilge->disks);
    hub_moved(bilge->hub);
    return 0;
}

void bilge_look_at_disks(struct bilge *bilge)
{
    disks_refresh(bilge->disks);
}

void bilge_look_elsewhere(struct bilge *bilge)
{
    engines_look_elsewhere(bilge->engines);
}

int bilge_plan(struct bilge *bilge, const struct query *query, bilge_plan_cb *on_plan, void *arg,
               struct err *err)
{
    return planning_ask(bilge->planning, query, on_plan, arg, err);
}

int bilge_finish(struct bilge *bilge, void (*then)(void *arg), void *arg, struct err *err)
{
    if (bilge->store->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is finished");
    scanning_finish(bilge->scanning, then, arg);
    return 0;
}

int bilge_execute(struct bilge *bilge, struct plan *plan, struct err *err)
{
    return pruning_start(bilge->pruning, plan, err);
}

void bilge_execute_cancel(struct bilge *bilge)
{
    pruning_stop(bilge->pruning);
}

int bilge_verify(struct bilge *bilge, const char *const *service_ids, size_t len, bool repair,
                 const struct bilge_care_ops *ops, void *arg, struct err *err)
{
    return repairing_verify(bilge->repairing, service_ids, len, repair, ops, arg, err);
}

int bilge_restore(struct bilge *bilge, const char *service_id, const struct digest *generation,
                  const struct bilge_care_ops *ops, void *arg, struct err *err)
{
    return repairing_restore(bilge->repairing, service_id, generation, ops, arg, err);
}

int bilge_dedupe(struct bilge *bilge, const char *const *service_ids, size_t len,
                 const struct dedupe_plan *plan, bool across_users,
                 const struct bilge_care_ops *ops, void *arg, struct err *err)
{
    return repairing_dedupe(bilge->repairing, service_ids, len, plan, across_users, ops, arg, err);
}

void bilge_care_cancel(struct bilge *bilge)
{
    repairing_cancel(bilge->repairing);
}

int bilge_examine(struct bilge *bilge, bilge_examined_cb *on_examined, void *arg, struct err *err)
{
    return examining_ask(bilge->examining, on_examined, arg, err);
}

void bilge_examine_forget(struct bilge *bilge)
{
    examining_forget(bilge->examining);
}

int bilge_build(struct bilge *bilge, const char *const *services, size_t services_len,
                const struct bilge_build_options *options, uint64_t *ret_build_id, struct err *err)
{
    return builds_ask(bilge->builds, services, services_len, options, ret_build_id, err);
}

int bilge_build_again(struct bilge *bilge, uint64_t build_id, uint64_t *ret_build_id,
                      struct err *err)
{
    return builds_ask_again(bilge->builds, build_id, ret_build_id, err);
}

void bilge_build_stop(struct bilge *bilge, uint64_t build_id)
{
    builds_stop(bilge->builds, build_id);
}
