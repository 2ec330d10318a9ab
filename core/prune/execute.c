#include "core/prune/execute.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/remove.h"
#include "core/engine/api.h"
#include "core/engine/builders.h"
#include "core/prune/planner.h"

/* a plan being carried out. */

struct cache_job;
struct cache_queue;
struct record_run;

struct execute {
    uv_loop_t *loop;
    const struct plan *plan;
    struct execute_env env;
    const struct execute_ops *ops;
    void *arg;
    uv_async_t async; /* it begins, or all may be over */
    atomic_bool cancelled;
    atomic_llong freed_bytes;
    size_t items_done;
    bool *over; /* of each item of the plan */
    bool started, closing;

    struct cache_job *jobs;
    size_t jobs_len, jobs_left, jobs_running; /* left: not begun */
    struct cache_queue *queues;
    size_t queues_len;
    size_t *places;             /* of each link in the removals of its cache's job */
    struct record_run *records; /* NULL: over, or none */
};

static void execute_caches_start(struct execute *execute);
static void execute_caches_free(struct execute *execute);
static bool execute_caches_hang(const struct execute *execute,
                                bool (*is_silent)(void *arg, const struct lane *lane), void *arg);
static void execute_records_start(struct execute *execute);
static void execute_records_hang_up(struct execute *execute);

static void on_closed(uv_handle_t *handle)
{
    struct execute *execute = handle->data;
    const struct execute_ops *ops = execute->ops;
    void *arg = execute->arg;
    execute_caches_free(execute);
    free(execute->over);
    free(execute);
    ops->on_done(arg);
}

/* Something has ended: perhaps all. */
static void execute_step(struct execute *execute)
{
    execute->ops->on_progress(execute->arg, execute->items_done,
                              atomic_load(&execute->freed_bytes));
    bool caches_left = !atomic_load(&execute->cancelled) && execute->jobs_left > 0;
    if (execute->closing || caches_left || execute->jobs_running > 0 || execute->records != NULL)
        return;
    execute->closing = true;
    uv_close((uv_handle_t *)&execute->async, on_closed);
}

static void on_async(uv_async_t *async)
{
    struct execute *execute = async->data;
    if (!execute->started) {
        execute->started = true;
        execute_caches_start(execute);
        execute_records_start(execute);
    }
    if (!execute->closing)
        execute_step(execute);
}

/* One item is dealt with; err NULL: deleted. */
static void execute_item_over(struct execute *execute, size_t item, const struct err *err)
{
    execute->items_done++;
    execute->over[item] = true;
    if (err != NULL)
        execute->ops->on_failure(execute->arg, item, err);
}

struct execute *execute_start(uv_loop_t *loop, const struct plan *plan,
                              const struct execute_env *env, const struct execute_ops *ops,
                              void *arg)
{
    struct execute *execute = mem_zalloc(sizeof *execute);
    execute->loop = loop;
    execute->plan = plan;
    execute->env = *env;
    execute->ops = ops;
    execute->arg = arg;
    execute->over = mem_zalloc(plan->items_len + 1);
    uv_async_init(loop, &execute->async, on_async);
    execute->async.data = execute;
    uv_async_send(&execute->async); /* all begins in the loop, callbacks too */
    return execute;
}

bool execute_is_stuck(const struct execute *execute,
                      bool (*is_silent)(void *arg, const struct lane *lane), void *arg)
{
    if (execute->records != NULL || execute->closing || execute->jobs_running == 0)
        return false;
    return execute_caches_hang(execute, is_silent, arg);
}

void execute_each_left(const struct execute *execute, void (*cb)(void *arg, size_t index),
                       void *arg)
{
    for (size_t i = 0; i < execute->plan->items_len; i++)
        if (!execute->over[i])
            cb(arg, i);
}

void execute_leave(struct execute *execute)
{
    if (!execute->closing)
        uv_close((uv_handle_t *)&execute->async, NULL);
    execute->closing = true;
}

void execute_cancel(struct execute *execute)
{
    atomic_store(&execute->cancelled, true);
    if (!execute->closing)
        uv_async_send(&execute->async);
}

void execute_hang_up(struct execute *execute)
{
    execute_cancel(execute);
    if (execute->records != NULL)
        execute_records_hang_up(execute);
}

/* The half of a removal that works in cache directories: a job for each, a few of
 * one root at a time. */

/* One thread of a root's lane is left to others. */
#define RUNNING_MAX (LANE_THREADS - 1)
/* Between setting blobs aside and the second look. */
#define SETTLE_MS 500

struct cache_job {
    struct lane_job lane_job; /* first: each is the other */
    struct execute *execute;
    struct root *root;
    struct cache_queue *queue;
    struct cache_job *next; /* in it */
    const struct plan_cache *cache;
    size_t *items; /* of the plan, that lie in it */
    size_t items_len;
    bool whole;          /* the directory goes as it is */
    int64_t exported_at; /* when it was last exported to, as shown */
    struct remove_item *removals;
    size_t removals_len;
    int64_t reported_bytes;
    bool foreign; /* another user owns the directory */
    int code;
    struct err err;
};

/* The caches of one root. */
struct cache_queue {
    struct lane *lane;
    struct cache_job *first; /* not begun */
    size_t running;
};

/* ------------------------------------------------------------------ what goes */

static const char *ingest_name(const char *id)
{
    const char *slash = strchr(id, '/');
    return slash != NULL ? slash + 1 : id;
}

static void add_link(struct execute *execute, size_t index)
{
    const struct plan_link *link = &execute->plan->links[index];
    struct cache_job *job = &execute->jobs[link->cache];
    execute->places[index] = job->removals_len;
    job->removals[job->removals_len++] = (struct remove_item){
        .kind = REMOVE_BLOB,
        .digest = link->digest,
        .ino = link->ino,
        .modified_at = link->modified_at,
        .code = ERR_CANCELLED,
    };
}

/* An export that index.json is to name no longer. */
static void add_live(struct cache_job *job, const struct plan_item *item)
{
    struct remove_item removal = {
        .kind = REMOVE_LIVE,
        .ino = item->ino,
        .modified_at = item->seen_at,
        .code = ERR_CANCELLED,
    };
    if (digest_parse(item->id, &removal.digest))
        job->removals[job->removals_len++] = removal;
}

static void add_item(struct execute *execute, size_t index)
{
    const struct plan_item *item = &execute->plan->items[index];
    struct cache_job *job = &execute->jobs[item->cache];
    job->items[job->items_len++] = index;
    if (item->kind == ITEM_SERVICE) {
        job->whole = true;
        job->exported_at = item->seen_at;
    }
    if (item->live)
        add_live(job, item);
    if (item->kind != ITEM_INGEST)
        return;
    job->removals[job->removals_len++] = (struct remove_item){
        .kind = REMOVE_INGEST,
        .name = ingest_name(item->id),
        .ino = item->ino,
        .modified_at = item->seen_at,
        .code = ERR_CANCELLED,
    };
}

/* A job for each cache, with room for all that the plan has of it. */
static void make_jobs(struct execute *execute)
{
    const struct plan *plan = execute->plan;
    struct cache_job *jobs = mem_zalloc(plan->caches_len * sizeof *jobs);
    size_t *removals = mem_zalloc(plan->caches_len * sizeof *removals);
    size_t *items = mem_zalloc(plan->caches_len * sizeof *items);
    for (size_t i = 0; i < plan->links_len; i++)
        removals[plan->links[i].cache]++;
    for (size_t i = 0; i < plan->items_len; i++) {
        if (plan->items[i].cache == CACHE_NONE)
            continue;
        items[plan->items[i].cache]++;
        removals[plan->items[i].cache] += plan->items[i].kind == ITEM_INGEST || plan->items[i].live;
    }
    for (size_t i = 0; i < plan->caches_len; i++) {
        jobs[i].execute = execute;
        jobs[i].cache = &plan->caches[i];
        jobs[i].removals = mem_alloc(removals[i] * sizeof *jobs[i].removals);
        jobs[i].items = mem_alloc(items[i] * sizeof *jobs[i].items);
    }
    execute->jobs = jobs;
    execute->jobs_len = plan->caches_len;
    free(removals);
    free(items);
}

static void fill_jobs(struct execute *execute)
{
    const struct plan *plan = execute->plan;
    bool *going = plan_going(plan);
    execute->places = mem_alloc(plan->links_len * sizeof *execute->places);
    for (size_t i = 0; i < plan->links_len; i++) {
        execute->places[i] = SIZE_MAX;
        if (going[i])
            add_link(execute, i);
    }
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].cache != CACHE_NONE)
            add_item(execute, i);
    free(going);
}

/* ------------------------------------------------------------- on the pool */

static void on_progress(void *arg, int64_t freed_bytes)
{
    struct cache_job *job = arg;
    atomic_fetch_add(&job->execute->freed_bytes, freed_bytes - job->reported_bytes);
    job->reported_bytes = freed_bytes;
    lane_tell(job->queue->lane, &job->lane_job);
}

static int64_t freed_by(const struct cache_job *job)
{
    int64_t freed_bytes = 0;
    for (size_t i = 0; i < job->removals_len; i++)
        freed_bytes += job->removals[i].freed_bytes;
    return freed_bytes;
}

/* A refusal of another user's cache comes with the way out. */
static void explain_refusal(const struct cache_job *job, struct err *err)
{
    if (job->foreign && (err->code == -EACCES || err->code == -EPERM))
        err_set(err, err->code, "%s: the cache belongs to another user; sudo can prune it",
                err->text);
}

static bool is_foreign(const struct remove_context *context)
{
    struct fs_stat stat;
    return geteuid() != 0 && fs_stat_at(context->root_fd, context->name, &stat, NULL) == 0 &&
           stat.uid != geteuid();
}

static void job_run(struct lane_job *lane_job)
{
    struct cache_job *job = (struct cache_job *)lane_job;
    struct execute *execute = job->execute;
    struct remove_context context = {
        .root_fd = job->root->fd,
        .root_path = job->cache->root,
        .name = job->cache->name,
        .dev = job->cache->dev,
        .ino = job->cache->ino,
        .exported_at = job->whole ? &job->exported_at : NULL,
        .now = execute->plan->now,
        .own_sessions = execute->env.own_sessions,
        .build_sign = execute->env.build_sign,
        .settle_ms = SETTLE_MS,
        .cancel = &execute->cancelled,
        .on_progress = on_progress,
        .arg = job,
    };
    int64_t freed_bytes = 0;
    if (atomic_load(&execute->cancelled)) {
        job->code = ERR_CANCELLED;
        return;
    }
    job->code = root_check(job->root, &job->err);
    if (job->code < 0)
        return;
    job->foreign = is_foreign(&context);
    if (job->whole) {
        job->code = remove_service(&context, &freed_bytes, &job->err);
    } else {
        job->code = remove_items(&context, job->removals, job->removals_len, &job->err);
        freed_bytes = freed_by(job);
    }
    if (job->code < 0)
        explain_refusal(job, &job->err);
    /* The total is what counts, whatever was reported on the way. */
    atomic_fetch_add(&execute->freed_bytes, freed_bytes - job->reported_bytes);
}

/* ------------------------------------------------------------------- outcome */

/* Gone is gone, whoever did it. */
static bool is_gone(const struct remove_item *removal)
{
    return removal->code == 0 || removal->code == -ENOENT;
}

static void report(struct cache_job *job, size_t item, const struct remove_item *failed)
{
    struct execute *execute = job->execute;
    struct err err;
    if (failed == NULL) {
        execute_item_over(execute, item, NULL);
        return;
    }
    if (failed->code == ERR_CANCELLED && atomic_load(&execute->cancelled))
        return;
    char digest[DIGEST_TEXT_SIZE];
    err_sys(&err, failed->code, "%s",
            failed->kind == REMOVE_INGEST ? execute->plan->items[item].id
                                          : digest_text(digest, &failed->digest));
    explain_refusal(job, &err);
    execute_item_over(execute, item, &err);
}

static const struct remove_item *failed_live(const struct cache_job *job,
                                             const struct plan_item *item)
{
    struct digest digest;
    if (!item->live || !digest_parse(item->id, &digest))
        return NULL;
    for (size_t i = 0; i < job->removals_len; i++)
        if (job->removals[i].kind == REMOVE_LIVE && digest_equal(&job->removals[i].digest, &digest))
            return job->removals[i].code == 0 ? NULL : &job->removals[i];
    return NULL;
}

static const struct remove_item *failed_link(const struct cache_job *job,
                                             const struct plan_item *item)
{
    const struct remove_item *live = failed_live(job, item);
    if (live != NULL)
        return live;
    for (size_t i = 0; i < item->links_len; i++) {
        size_t place = job->execute->places[item->links[i]];
        if (place != SIZE_MAX && !is_gone(&job->removals[place]))
            return &job->removals[place];
    }
    return NULL;
}

static const struct remove_item *failed_ingest(const struct cache_job *job,
                                               const struct plan_item *item)
{
    for (size_t i = 0; i < job->removals_len; i++)
        if (job->removals[i].kind == REMOVE_INGEST &&
            strcmp(job->removals[i].name, ingest_name(item->id)) == 0)
            return is_gone(&job->removals[i]) ? NULL : &job->removals[i];
    return NULL;
}

static void report_items(struct cache_job *job)
{
    struct execute *execute = job->execute;
    if (job->code == ERR_CANCELLED && atomic_load(&execute->cancelled))
        return;
    for (size_t i = 0; i < job->items_len; i++) {
        size_t index = job->items[i];
        const struct plan_item *item = &execute->plan->items[index];
        if (job->code < 0)
            execute_item_over(execute, index, &job->err);
        else if (item->kind == ITEM_SERVICE)
            execute_item_over(execute, index, NULL);
        else
            report(job, index,
                   item->kind == ITEM_INGEST ? failed_ingest(job, item) : failed_link(job, item));
    }
}

static void start_jobs(struct execute *execute);

static void job_told(struct lane_job *lane_job)
{
    execute_step(((struct cache_job *)lane_job)->execute);
}

static void job_done(struct lane_job *lane_job, bool cancelled)
{
    struct cache_job *job = (struct cache_job *)lane_job;
    struct execute *execute = job->execute;
    if (cancelled)
        job->code = err_set(&job->err, ERR_CANCELLED, "%s: stopped", job->cache->name);
    execute->jobs_running--;
    job->queue->running--;
    report_items(job);
    start_jobs(execute);
    execute_step(execute);
}

static void start_next(struct execute *execute, struct cache_queue *queue)
{
    struct cache_job *job = queue->first;
    queue->first = job->next;
    queue->running++;
    execute->jobs_left--;
    execute->jobs_running++;
    job->lane_job.run = job_run;
    job->lane_job.told = job_told;
    job->lane_job.done = job_done;
    lane_add(queue->lane, &job->lane_job);
}

static void start_jobs(struct execute *execute)
{
    for (size_t i = 0; i < execute->queues_len; i++) {
        struct cache_queue *queue = &execute->queues[i];
        while (queue->running < RUNNING_MAX && queue->first != NULL &&
               !atomic_load(&execute->cancelled))
            start_next(execute, queue);
    }
}

/* Does each job that runs do so in a silent lane? */
static bool execute_caches_hang(const struct execute *execute,
                                bool (*is_silent)(void *arg, const struct lane *lane), void *arg)
{
    for (size_t i = 0; i < execute->queues_len; i++) {
        const struct cache_queue *queue = &execute->queues[i];
        if ((queue->running > 0 || queue->first != NULL) && !is_silent(arg, queue->lane))
            return false;
    }
    return true;
}

static struct cache_queue *queue_of(struct execute *execute, struct lane *lane)
{
    size_t at = 0;
    while (at < execute->queues_len && execute->queues[at].lane != lane)
        at++;
    if (at == execute->queues_len)
        execute->queues[execute->queues_len++] = (struct cache_queue){.lane = lane};
    return &execute->queues[at];
}

/* From the last one on: each goes before those that wait. */
static void queue_jobs(struct execute *execute)
{
    execute->queues = mem_zalloc((execute->jobs_len + 1) * sizeof *execute->queues);
    for (size_t i = execute->jobs_len; i-- > 0;) {
        struct cache_job *job = &execute->jobs[i];
        struct lane *lane;
        if (job->items_len == 0) /* all of it was dropped from the plan */
            continue;
        job->root = execute->env.root_of(execute->arg, job->cache->root, &lane);
        if (job->root == NULL) { /* it was there when the plan was made */
            job->code = err_sys(&job->err, ERR_CHANGED, "opening cache root %s", job->cache->root);
            report_items(job);
            continue;
        }
        job->queue = queue_of(execute, lane);
        job->next = job->queue->first;
        job->queue->first = job;
        execute->jobs_left++;
    }
}

static void execute_caches_start(struct execute *execute)
{
    make_jobs(execute);
    fill_jobs(execute);
    queue_jobs(execute);
    start_jobs(execute);
}

static void execute_caches_free(struct execute *execute)
{
    for (size_t i = 0; i < execute->jobs_len; i++) {
        free(execute->jobs[i].removals);
        free(execute->jobs[i].items);
        root_release(execute->jobs[i].root);
    }
    free(execute->jobs);
    free(execute->queues);
    free(execute->places);
}

/* The half of a removal that works on records: builder by builder, in calls of
 * exact ids. An engine removes a record only when no child is left, and looks
 * through its list again as long as that helps; what it leaves is asked for
 * again while there is progress. */

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

static void execute_records_hang_up(struct execute *execute)
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

static void execute_records_start(struct execute *execute)
{
    struct record_run *run = mem_zalloc(sizeof *run);
    run->execute = execute;
    run->tried = mem_zalloc(execute->plan->items_len);
    run->items = mem_alloc(execute->plan->items_len * sizeof *run->items);
    run->is_gone = mem_zalloc(execute->plan->items_len * sizeof *run->is_gone);
    execute->records = run;
    next_builder(run);
}
