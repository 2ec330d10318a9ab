/* A removal: what an earlier one left is finished, the records are read again, the
 * plan is carried out, what it has touched is looked at again; only then it is
 * over. */

#include "core/app/pruning.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/app.h"
#include "core/app/builds.h"
#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/app/services.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/prune/execute.h"

enum phase { PHASE_READING, PHASE_REMOVING, PHASE_LOOKING };

struct pruning {
    struct plan *plan;
    enum phase phase;
    bool finishing;          /* an earlier one */
    struct execute *execute; /* while removing */
    pid_t *own_sessions;
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
        engines_refresh_for_request(bilge, builder);
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
    struct execute_env env = {
        .own_sessions = pruning->own_sessions,
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
