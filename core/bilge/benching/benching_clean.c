/* Takes away what the builds of a benchmark left with the engine: images by
 * their names, records by the way of every prune: a plan of exact ids, carried
 * out as it stands. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/bilge/benching/benching_private.h"
#include "core/bilge/engines/engines.h"

/* The engine may let go of records by itself while a plan is made. */
#define PLAN_TRIES 3
#define WAIT_MS 500
#define WAITS_MAX 20

/* --------------------------------------------------------------------- images */

static void note_left(struct benching *benching, const char *what, const char *why)
{
    strlist_put(&benching->bench->left, mem_printf("%s: %s", what, why));
}

void benching_note_image(struct benching *benching, char *takes)
{
    strlist_put(&benching->images, takes);
}

static void forget_last_image(struct benching *benching)
{
    free(strlist_take(&benching->images, benching->images.len - 1));
}

static const char *last_image(const struct benching *benching)
{
    return benching->images.items[benching->images.len - 1];
}

static void on_removed(void *arg, bool removed, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    if (err != NULL)
        note_left(benching, last_image(benching), err->text);
    benching->bench->images_removed += removed;
    forget_last_image(benching);
    benching_remove_images(bilge);
}

void benching_remove_images(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct err err;
    while (benching->images.len > 0) {
        const char *name = last_image(benching);
        int code = bilge->engine != NULL
                       ? engine_remove_image(bilge->engine, name, on_removed, bilge, &err)
                       : err_set(&err, ERR_PEER, "there is no engine");
        if (code == 0)
            return;
        note_left(benching, name, err.text);
        forget_last_image(benching);
    }
    benching_go_on(bilge);
}

/* ------------------------------------------------------------------ leftovers */

static void on_found(void *arg, char *const *names, size_t len, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    if (err != NULL)
        note_left(benching, "images of an earlier benchmark", err->text);
    for (size_t i = 0; i < len; i++)
        benching_note_image(benching, mem_strdup(names[i]));
    benching_find_leftovers(bilge);
}

void benching_find_leftovers(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct err err;
    while (benching->leftovers_asked < benching->bench->leftovers_len) {
        const char *mark = benching->bench->leftovers[benching->leftovers_asked++].mark;
        char *prefix = mem_printf("%s-", mark);
        traces_add_mark(benching->traces, mark);
        int code = bilge->engine != NULL
                       ? engine_find_images(bilge->engine, prefix, on_found, bilge, &err)
                       : err_set(&err, ERR_PEER, "there is no engine");
        free(prefix);
        if (code == 0)
            return;
        note_left(benching, "images of an earlier benchmark", err.text);
    }
    benching_go_on(bilge);
}

/* -------------------------------------------------------------------- records */

/* What of the plan's wish stays, in a line. */
static void note_kept(struct benching *benching, const struct plan *plan)
{
    if (plan->kept_len == 0)
        return;
    char *line = plan->kept_len == 1
                     ? mem_printf("%s: %s", plan->kept[0].title, plan->kept[0].reason)
                     : mem_printf("%zu records, such as %s: %s", plan->kept_len,
                                  plan->kept[0].title, plan->kept[0].reason);
    strlist_put(&benching->bench->left, line);
}

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    struct err reason;
    if (plan == NULL && ++benching->plan_tries < PLAN_TRIES) {
        benching_plan(bilge);
        return;
    }
    if (plan == NULL) {
        note_left(benching, "records of the builds", err->text);
        benching_go_on(bilge);
        return;
    }
    note_kept(benching, plan);
    if (plan->items_len == 0) {
        plan_free(plan);
        benching_go_on(bilge);
    } else if (bilge_execute(bilge, plan, &reason) < 0) {
        plan_free(plan);
        note_left(benching, "records of the builds", reason.text);
        benching_go_on(bilge);
    } else {
        benching->phase = BENCHING_PRUNE;
    }
}

static void on_wait_over(uv_timer_t *timer)
{
    struct bilge *bilge = timer->data;
    engines_refresh_for_request(bilge, bilge->benching->bench->builder);
    bilge_wake(bilge);
}

static bool wait_for(struct bilge *bilge, size_t held)
{
    struct benching *benching = bilge->benching;
    if (held == 0 || benching->impatient || benching->waits++ == WAITS_MAX)
        return false;
    benching->phase = BENCHING_SETTLE;
    uv_timer_start(&bilge->benching_timer, on_wait_over, WAIT_MS, 0);
    return true;
}

void benching_plan(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    const struct builder *builder = store_builder(bilge->store, benching->bench->builder);
    struct query query;
    struct err err;
    size_t len = 0, held = 0;
    const char **ids =
        builder != NULL ? traces_find(benching->traces, &builder->records, &len, &held) : NULL;
    if (wait_for(bilge, held)) {
        free(ids);
        return;
    }
    if (held > 0)
        note_left(benching, "records of the builds", "some are still in use");
    query_init(&query);
    query.records = true;
    query.ids = ids;
    query.ids_len = len;
    query.builder = benching->bench->builder;
    int code = len > 0 && !benching->impatient
                   ? bilge_plan(bilge, &query, on_plan, bilge, &err)
                   : 0;
    free(ids);
    if (len > 0 && benching->impatient)
        note_left(benching, "records of the builds", "interrupted");
    else if (code < 0)
        note_left(benching, "records of the builds", err.text);
    if (len == 0 || benching->impatient || code < 0)
        benching_go_on(bilge);
}

void benching_count_prune(struct bilge *bilge)
{
    struct bench *bench = bilge->benching->bench;
    const struct prune_status *status = &bilge->store->prune;
    size_t failed = status->failures_len < status->items_done ? status->failures_len : 0;
    bench->records_removed += status->items_done - failed;
    bench->freed_bytes += status->freed_bytes;
    for (size_t i = 0; i < status->failures_len && i < 5; i++)
        note_left(bilge->benching, status->failures[i].id, status->failures[i].error);
}
