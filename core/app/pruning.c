/* A removal: what an earlier one left is finished, the records are read again, the
 * plan is carried out, what it has touched is looked at again; only then it is
 * over. */
#include "core/app/pruning.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/builds.h"
#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/app/services.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/prune/execute.h"
#include "core/store/leaks.h"

enum phase { PHASE_READING, PHASE_REMOVING, PHASE_LOOKING };

struct removal {
    struct plan *plan;
    enum phase phase;
    bool finishing;          /* an earlier one */
    struct execute *execute; /* while removing */
    pid_t *own_sessions;
    char *build_sign; /* a build has begun since the plan was made; NULL: none */
    bool given_up;    /* what it waits for does not answer: it counts as over */
};

struct pruning {
    struct pruning_needs with;
    struct store *store;
    struct removal *removal; /* under way; NULL: none */
};

/* Does it take something from cache directories? */
static bool takes_caches(const struct plan *plan)
{
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].kind != ITEM_RECORD)
            return true;
    return false;
}

static void hold_others(struct pruning *pruning)
{
    if (!takes_caches(pruning->removal->plan))
        return;
    lanes_begin_change(pruning->with.lanes);
    builds_hold(pruning->with.builds, true);
}

static void let_others_go(struct pruning *pruning)
{
    if (!takes_caches(pruning->removal->plan))
        return;
    lanes_end_change(pruning->with.lanes);
    builds_hold(pruning->with.builds, false);
}

/* Of the builders that the plan's records belong to. */
static void read_records(struct pruning *pruning)
{
    const struct plan *plan = pruning->removal->plan;
    const char *last = NULL;
    for (size_t i = 0; i < plan->items_len; i++) {
        const char *builder = plan->items[i].builder;
        if (builder == NULL || (last != NULL && strcmp(last, builder) == 0))
            continue;
        engines_refresh_for_request(pruning->with.engines, builder, true);
        last = builder;
    }
}

/* --------------------------------------------------------------- executing */

static struct engine *engine_of(void *arg, const char *builder)
{
    struct pruning *pruning = arg;
    return engines_engine_of(pruning->with.engines, builder);
}

static struct root *root_of(void *arg, const char *path, struct lane **ret_lane)
{
    struct pruning *pruning = arg;
    return roots_open_place(pruning->with.roots, path, ret_lane);
}

static void on_progress(void *arg, size_t items_done, int64_t freed_bytes)
{
    struct pruning *pruning = arg;
    if (pruning->removal->given_up)
        return;
    pruning->store->prune.items_done = items_done;
    pruning->store->prune.freed_bytes = freed_bytes;
    hub_moved(pruning->with.hub);
}

static void on_failure(void *arg, size_t index, const struct err *err)
{
    struct pruning *pruning = arg;
    if (pruning->removal->given_up)
        return;
    store_add_failure(pruning->store, pruning->removal->plan->items[index].id, err->text);
    hub_moved(pruning->with.hub);
}

static void removal_free(struct pruning *pruning)
{
    let_others_go(pruning);
    plan_free(pruning->removal->plan);
    free(pruning->removal->own_sessions);
    free(pruning->removal->build_sign);
    free(pruning->removal);
    pruning->removal = NULL;
}

static void on_done(void *arg)
{
    struct pruning *pruning = arg;
    struct removal *removal = pruning->removal;
    removal->execute = NULL;
    removal->phase = PHASE_LOOKING;
    if (hub_is_closing(pruning->with.hub)) {
        removal_free(pruning);
        hub_rest(pruning->with.hub);
        return;
    }
    const char *last = NULL;
    for (size_t i = 0; i < removal->plan->items_len; i++) {
        const char *id = removal->plan->items[i].service_id;
        if (id != NULL && (last == NULL || strcmp(last, id) != 0))
            scanning_rescan(pruning->with.scanning, id, true);
        last = id;
    }
    read_records(pruning);
    hub_wake(pruning->with.hub);
}

static const struct execute_ops execute_ops = {
    .on_progress = on_progress,
    .on_failure = on_failure,
    .on_done = on_done,
};

static void start(struct pruning *pruning)
{
    struct removal *removal = pruning->removal;
    removal->phase = PHASE_REMOVING;
    removal->own_sessions = builds_sessions(pruning->with.builds);
    removal->build_sign = leaks_build_sign(pruning->store);
    struct execute_env env = {
        .own_sessions = removal->own_sessions,
        .build_sign = removal->build_sign,
        .store = pruning->store,
        .root_of = root_of,
        .engine_of = engine_of,
    };
    removal->execute =
        execute_start(hub_loop(pruning->with.hub), removal->plan, &env, &execute_ops, pruning);
    if (pruning->store->prune.cancelled)
        execute_cancel(removal->execute);
}

static void finish(struct pruning *pruning)
{
    bool told = pruning->removal->given_up;
    removal_free(pruning);
    services_join(pruning->with.services);
    if (!told)
        pruning->store->prune.state = PRUNE_OVER;
    scanning_look_unfinished(pruning->with.scanning, NULL);
    disks_refresh(pruning->with.disks);
    hub_moved(pruning->with.hub);
}

static void turn(void *owner)
{
    struct pruning *pruning = owner;
    struct removal *removal = pruning->removal;
    if (removal == NULL || removal->phase == PHASE_REMOVING || removal->finishing ||
        engines_waited_for(pruning->with.engines))
        return;
    if (removal->phase == PHASE_READING)
        start(pruning);
    else if (!scanning_is_waited_for(pruning->with.scanning))
        finish(pruning);
}

/* ------------------------------------------------------------------- silence */

static bool is_silent(void *arg, const struct lane *lane)
{
    const struct pruning *pruning = arg;
    return lanes_hang(pruning->with.lanes, (struct lane *)lane);
}

static void give_up_item(void *arg, size_t index)
{
    struct pruning *pruning = arg;
    const struct plan_item *item = &pruning->removal->plan->items[index];
    const struct site *site =
        item->service_id != NULL ? roots_site(pruning->with.roots, item->service_id) : NULL;
    char *silence = site != NULL ? site_silence(site) : mem_strdup("no answer");
    char *text = mem_printf("%s: whether it was deleted is not known", silence);
    store_add_failure(pruning->store, item->id, text);
    free(text);
    free(silence);
}

void pruning_look(struct pruning *pruning)
{
    struct removal *removal = pruning->removal;
    if (removal == NULL || removal->phase != PHASE_REMOVING || removal->given_up ||
        !execute_is_stuck(removal->execute, is_silent, pruning))
        return;
    execute_cancel(removal->execute);
    execute_each_left(removal->execute, give_up_item, pruning);
    removal->given_up = true;
    pruning->store->prune.state = PRUNE_OVER;
    hub_moved(pruning->with.hub);
}

bool pruning_is_over(const struct pruning *pruning)
{
    return pruning->removal == NULL ||
           (pruning->removal->execute != NULL &&
            execute_is_stuck(pruning->removal->execute, is_silent, (void *)pruning));
}

void pruning_leave(struct pruning *pruning)
{
    if (pruning->removal != NULL)
        execute_leave(pruning->removal->execute);
    pruning->removal = NULL;
}

/* ------------------------------------------------------------------ requests */

static int check(const struct pruning *pruning, const struct plan *plan, struct err *err)
{
    if (pruning->store->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is deleted");
    if (pruning->removal != NULL)
        return err_set(err, ERR_BUSY, "a removal is under way");
    int64_t age = clock_now() - plan->made_at;
    if (age < 0 || age > PLAN_VALID_SECONDS * CLOCK_SECOND)
        return err_set(err, ERR_CHANGED, "the plan is older than a minute: make it again");
    for (size_t i = 0; i < plan->items_len && !plan->now; i++) {
        const char *id = plan->items[i].service_id;
        const struct service *row = id != NULL ? store_service(pruning->store, id) : NULL;
        if (row != NULL && row->busy_sign != NULL)
            return err_set(err, ERR_CHANGED, "%s: %s; make the plan again", row->name,
                           row->busy_sign);
    }
    return 0;
}

static void on_finished(void *arg)
{
    struct pruning *pruning = arg;
    if (pruning->removal == NULL)
        return;
    pruning->removal->finishing = false;
    if (!hub_is_closing(pruning->with.hub))
        hub_wake(pruning->with.hub);
}

int pruning_start(struct pruning *pruning, struct plan *plan, struct err *err)
{
    int code = check(pruning, plan, err);
    if (code < 0)
        return code;
    pruning->removal = mem_zalloc(sizeof *pruning->removal);
    pruning->removal->plan = plan;
    pruning->removal->finishing = true;
    hold_others(pruning);
    store_start_prune(pruning->store, plan->items_len, plan->planned_bytes);
    scanning_finish(pruning->with.scanning, on_finished, pruning);
    read_records(pruning);
    disks_refresh(pruning->with.disks);
    hub_moved(pruning->with.hub);
    return 0;
}

void pruning_stop(struct pruning *pruning)
{
    if (pruning->removal == NULL || pruning->removal->phase == PHASE_LOOKING)
        return;
    if (pruning->removal->execute != NULL && pruning->store->prune.cancelled)
        execute_hang_up(pruning->removal->execute);
    else if (pruning->removal->execute != NULL)
        execute_cancel(pruning->removal->execute);
    pruning->store->prune.cancelled = true;
    hub_moved(pruning->with.hub);
}

void pruning_cancel(struct pruning *pruning)
{
    if (pruning->removal == NULL)
        return;
    if (pruning->removal->execute != NULL)
        execute_hang_up(pruning->removal->execute); /* nobody waits any more */
    else
        removal_free(pruning);
}

bool pruning_is_on(const struct pruning *pruning)
{
    return pruning->removal != NULL;
}

struct pruning *pruning_new(const struct pruning_needs *needs)
{
    struct pruning *pruning = mem_zalloc(sizeof *pruning);
    pruning->with = *needs;
    pruning->store = hub_store(needs->hub);
    hub_set_turn(needs->hub, TURN_PRUNE, turn, pruning);
    return pruning;
}

void pruning_free(struct pruning *pruning)
{
    free(pruning);
}
