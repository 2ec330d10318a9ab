/* The half of a removal that works on records: builder by builder, in calls of
 * exact ids. An engine removes a record only when no child is left, and looks
 * through its list again as long as that helps; what it leaves is asked for
 * again while there is progress. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/engine/api.h"
#include "core/engine/builders.h"
#include "core/prune/executor.h"
#include "core/prune/planner.h"

/* 25 bytes an id: well below what an argument of a child may take. */
#define CALL_MAX 2000

struct record_run {
    struct execute *execute;
    bool *tried; /* of the plan's items: their builder had its turn */
    const char *builder;
    size_t *items; /* of this builder, still to go, children first */
    size_t len;
    size_t from, to; /* of items: the call under way */
    size_t gone;     /* in this round */
    bool *is_gone;   /* of items */
    struct builders_request *request;
};

static void next_builder(struct record_run *run);
static void next_call(struct record_run *run);

static void run_free(struct record_run *run)
{
    struct execute *execute = run->execute;
    execute->records = NULL;
    free(run->tried);
    free(run->items);
    free(run->is_gone);
    free(run);
    uv_async_send(&execute->async);
}

/* ------------------------------------------------------------- look again */

/* The builder's records as they are now, to be found by id. */
struct present {
    const struct records *records;
    struct id_slot *slots;
    size_t len;
};

static struct present present_new(const struct store *store, const char *builder_name)
{
    const struct builder *builder = store_builder(store, builder_name);
    struct present present = {0};
    if (builder == NULL)
        return present;
    present.records = &builder->records;
    present.len = builder->records.len;
    present.slots = mem_alloc(present.len * sizeof *present.slots);
    for (size_t i = 0; i < present.len; i++)
        present.slots[i] = (struct id_slot){.id = builder->records.items[i].id, .index = i};
    id_slots_sort(present.slots, present.len);
    return present;
}

/* True when it is what was shown. *ret_gone: somebody else has removed it. */
static bool is_unchanged(const struct present *present, const struct plan_item *item,
                         bool *ret_gone)
{
    size_t at = id_slots_find(present->slots, present->len, item->id);
    const struct record *record = at != SIZE_MAX ? &present->records->items[at] : NULL;
    *ret_gone = record == NULL;
    /* Of other builders only the text of du is known, with times such as
     * "2 hours ago". */
    return record != NULL && !record->in_use && record->usage_count == item->usage_count &&
           record->shared <= item->needs_all &&
           (!item->embedded || record->last_used_at == item->seen_at);
}

static bool look_again(struct record_run *run, const struct present *present, size_t index)
{
    struct execute *execute = run->execute;
    const struct plan_item *item = &execute->plan->items[index];
    struct err err;
    bool gone = false;
    bool unchanged = is_unchanged(present, item, &gone);
    /* One odd id would have the whole call refused. */
    if (unchanged && api_is_record_id(item->id))
        return true;
    if (unchanged)
        err_set(&err, ERR_FORMAT, "this is not the id of a record");
    else
        err_set(&err, ERR_CHANGED, "it was used since the plan was made");
    execute_item_over(execute, index, gone ? NULL : &err);
    return false;
}

static void collect(struct record_run *run)
{
    const struct plan *plan = run->execute->plan;
    struct present present = present_new(run->execute->env.store, run->builder);
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->kind != ITEM_RECORD || run->tried[i] || strcmp(item->builder, run->builder) != 0)
            continue;
        run->tried[i] = true;
        if (look_again(run, &present, i))
            run->items[run->len++] = i;
    }
    free(present.slots);
}

/* -------------------------------------------------------------------- calls */

static void fail_rest(struct record_run *run, const struct err *err)
{
    for (size_t i = 0; i < run->len; i++)
        if (!run->is_gone[i])
            execute_item_over(run->execute, run->items[i], err);
    run->len = 0;
}

static void note_deleted(struct record_run *run, char *const *deleted, size_t len)
{
    struct execute *execute = run->execute;
    struct id_slot *slots = mem_alloc(len * sizeof *slots);
    for (size_t i = 0; i < len; i++)
        slots[i] = (struct id_slot){.id = deleted[i], .index = i};
    id_slots_sort(slots, len);
    for (size_t i = run->from; i < run->to; i++) {
        const struct plan_item *item = &execute->plan->items[run->items[i]];
        if (run->is_gone[i] || id_slots_find(slots, len, item->id) == SIZE_MAX)
            continue;
        run->is_gone[i] = true;
        run->gone++;
        /* Not what the engine says: it counts layers that images keep. */
        atomic_fetch_add(&execute->freed_bytes, item->base_bytes);
        execute_item_over(execute, run->items[i], NULL);
    }
    free(slots);
}

static void on_pruned(void *arg, char *const *deleted, size_t deleted_len, int64_t freed_bytes,
                      const struct err *err)
{
    struct record_run *run = arg;
    struct execute *execute = run->execute;
    (void)freed_bytes;
    run->request = NULL;
    note_deleted(run, deleted, deleted_len); /* also before an error */
    if (err != NULL)
        fail_rest(run, err);
    run->from = run->to;
    next_call(run);
    if (!execute->closing)
        execute_step(execute);
}

static int call(struct record_run *run, const char *const *ids, size_t len, bool all,
                struct err *err)
{
    const struct execute *execute = run->execute;
    struct engine *engine = execute->env.engine_of(execute->arg, run->builder);
    const struct plan_item *first = &execute->plan->items[run->items[run->from]];
    if (engine != NULL)
        return engine_prune(engine, ids, len, all, on_pruned, run, err);
    if (first->embedded)
        return err_set(err, ERR_PEER, "the engine is not there any more");
    return builders_prune(execute->loop, run->builder, first->is_context ? run->builder : NULL, ids,
                          len, all, on_pruned, run, &run->request, err);
}

/* What is left of the list, without gaps, for the next round. */
static void close_gaps(struct record_run *run)
{
    size_t left = 0;
    for (size_t i = 0; i < run->len; i++)
        if (!run->is_gone[i])
            run->items[left++] = run->items[i];
    run->len = left;
    memset(run->is_gone, 0, left * sizeof *run->is_gone);
}

/* Starts a round when the last call of one is over. False: no use in another. */
static bool begin_round(struct record_run *run)
{
    struct err err;
    if (run->from < run->len)
        return true;
    close_gaps(run);
    run->from = 0;
    if (run->len > 0 && run->gone == 0) {
        err_set(&err, ERR_BUSY, "the engine keeps it: a build or a younger record needs it");
        fail_rest(run, &err);
    }
    run->gone = 0;
    return run->len > 0;
}

static void next_call(struct record_run *run)
{
    if (atomic_load(&run->execute->cancelled)) {
        run_free(run);
        return;
    }
    if (!begin_round(run)) {
        next_builder(run);
        return;
    }
    const struct plan *plan = run->execute->plan;
    run->to = run->len - run->from > CALL_MAX ? run->from + CALL_MAX : run->len;
    const char **ids = mem_alloc((run->to - run->from) * sizeof *ids);
    bool all = false;
    for (size_t i = run->from; i < run->to; i++) {
        ids[i - run->from] = plan->items[run->items[i]].id;
        all |= plan->items[run->items[i]].needs_all;
    }
    struct err err;
    int code = call(run, ids, run->to - run->from, all, &err);
    free(ids);
    if (code < 0) {
        fail_rest(run, &err);
        next_builder(run);
    }
}

static void next_builder(struct record_run *run)
{
    const struct plan *plan = run->execute->plan;
    size_t next = 0;
    while (next < plan->items_len && (plan->items[next].kind != ITEM_RECORD || run->tried[next]))
        next++;
    if (next == plan->items_len) {
        run_free(run);
        return;
    }
    run->builder = plan->items[next].builder;
    run->len = run->from = run->to = 0;
    run->gone = 0;
    collect(run);
    memset(run->is_gone, 0, run->len * sizeof *run->is_gone);
    next_call(run);
}

void execute_records_hang_up(struct execute *execute)
{
    struct record_run *run = execute->records;
    struct engine *engine = execute->env.engine_of(execute->arg, run->builder);
    struct err err;
    err_set(&err, ERR_CANCELLED, "the prune was cancelled");
    if (run->request != NULL) {
        builders_cancel(run->request);
        on_pruned(run, NULL, 0, 0, &err);
    } else if (engine != NULL) {
        engine_prune_cancel(engine); /* calls on_pruned() */
    }
}

void execute_records_start(struct execute *execute)
{
    struct record_run *run = mem_zalloc(sizeof *run);
    run->execute = execute;
    run->tried = mem_zalloc(execute->plan->items_len);
    run->items = mem_alloc(execute->plan->items_len * sizeof *run->items);
    run->is_gone = mem_zalloc(execute->plan->items_len * sizeof *run->is_gone);
    execute->records = run;
    next_builder(run);
}
