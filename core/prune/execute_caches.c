/* The half of a removal that works in cache directories: a job for each, a few of
 * one root at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/remove.h"
#include "core/prune/executor.h"
#include "core/prune/planner.h"

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
    bool whole; /* the directory goes as it is */
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

bool execute_caches_hang(const struct execute *execute,
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

void execute_caches_start(struct execute *execute)
{
    make_jobs(execute);
    fill_jobs(execute);
    queue_jobs(execute);
    start_jobs(execute);
}

void execute_caches_free(struct execute *execute)
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
