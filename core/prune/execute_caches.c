/* The half of a removal that works in cache directories: one job of libuv's
 * pool for each, a few at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/remove.h"
#include "core/prune/executor.h"
#include "core/prune/planner.h"

/* One thread of the pool is left to others. */
#define RUNNING_MAX 3
/* Between setting blobs aside and the second look. */
#define SETTLE_MS 500

struct cache_job {
    uv_work_t work;
    struct execute *execute;
    const struct plan_cache *cache;
    size_t service_item; /* the whole directory goes; SIZE_MAX: parts of it */
    struct remove_item *removals;
    size_t removals_len;
    size_t *places; /* of each link of the plan in removals; SIZE_MAX */
    int64_t reported_bytes;
    int code;
    struct err err;
};

/* ------------------------------------------------------------------ what goes */

static void add_links(struct cache_job *job, const struct plan *plan, uint32_t cache,
                      const bool *going, size_t *places)
{
    for (size_t i = 0; i < plan->links_len; i++) {
        const struct plan_link *link = &plan->links[i];
        if (link->cache != cache || !going[i])
            continue;
        places[i] = job->removals_len;
        job->removals[job->removals_len++] = (struct remove_item){
            .kind = REMOVE_BLOB,
            .digest = link->digest,
            .ino = link->ino,
            .modified_at = link->modified_at,
            .code = ERR_CANCELLED,
        };
    }
}

static const char *ingest_name(const char *id)
{
    const char *slash = strchr(id, '/');
    return slash != NULL ? slash + 1 : id;
}

static void add_ingests(struct cache_job *job, const struct plan *plan, uint32_t cache)
{
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->kind != ITEM_INGEST || item->cache != cache)
            continue;
        job->removals[job->removals_len++] = (struct remove_item){
            .kind = REMOVE_INGEST,
            .name = ingest_name(item->id),
            .ino = item->ino,
            .modified_at = item->seen_at,
            .code = ERR_CANCELLED,
        };
    }
}

static size_t whole_item(const struct plan *plan, uint32_t cache)
{
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].kind == ITEM_SERVICE && plan->items[i].cache == cache)
            return i;
    return SIZE_MAX;
}

/* Items may have been dropped from the plan: nothing may be left of a cache. */
static void prepare(struct execute *execute, uint32_t cache, const bool *going, size_t *places,
                    const size_t *counts)
{
    struct cache_job *job = &execute->jobs[execute->jobs_len];
    const struct plan *plan = execute->plan;
    *job = (struct cache_job){
        .execute = execute,
        .cache = &plan->caches[cache],
        .service_item = whole_item(plan, cache),
        .places = places,
    };
    if (job->service_item == SIZE_MAX) {
        job->removals = mem_zalloc(counts[cache] * sizeof *job->removals);
        add_links(job, plan, cache, going, places);
        add_ingests(job, plan, cache);
        if (job->removals_len == 0) {
            free(job->removals);
            return;
        }
    }
    execute->jobs_len++;
}

/* ------------------------------------------------------------- on the pool */

static void on_progress(void *arg, int64_t freed_bytes)
{
    struct cache_job *job = arg;
    atomic_fetch_add(&job->execute->freed_bytes, freed_bytes - job->reported_bytes);
    job->reported_bytes = freed_bytes;
    uv_async_send(&job->execute->async);
}

static int64_t freed_by(const struct cache_job *job)
{
    int64_t freed_bytes = 0;
    for (size_t i = 0; i < job->removals_len; i++)
        freed_bytes += job->removals[i].freed_bytes;
    return freed_bytes;
}

static void job_run(uv_work_t *work)
{
    struct cache_job *job = work->data;
    struct execute *execute = job->execute;
    struct remove_context context = {
        .root_path = job->cache->root,
        .name = job->cache->name,
        .dev = job->cache->dev,
        .ino = job->cache->ino,
        .now = execute->plan->now,
        .own_sessions = execute->env.own_sessions,
        .settle_ms = SETTLE_MS,
        .cancel = &execute->cancelled,
        .on_progress = on_progress,
        .arg = job,
    };
    int64_t freed_bytes = 0;
    job->code = fs_open_root(job->cache->root, &context.root_fd, &job->err);
    if (job->code < 0)
        return;
    if (job->service_item != SIZE_MAX) {
        job->code = remove_service(&context, &freed_bytes, &job->err);
    } else {
        job->code = remove_items(&context, job->removals, job->removals_len, &job->err);
        freed_bytes = freed_by(job);
    }
    close(context.root_fd);
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
    execute_item_over(execute, item, &err);
}

static const struct remove_item *failed_link(const struct cache_job *job,
                                             const struct plan_item *item)
{
    for (size_t i = 0; i < item->links_len; i++) {
        size_t place = job->places[item->links[i]];
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
    const struct plan *plan = execute->plan;
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->cache == CACHE_NONE || &plan->caches[item->cache] != job->cache)
            continue;
        if (job->code == ERR_CANCELLED && atomic_load(&execute->cancelled))
            continue;
        if (job->code < 0)
            execute_item_over(execute, i, &job->err);
        else if (item->kind == ITEM_SERVICE)
            execute_item_over(execute, i, NULL);
        else
            report(job, i,
                   item->kind == ITEM_INGEST ? failed_ingest(job, item) : failed_link(job, item));
    }
}

static void start_jobs(struct execute *execute);

static void job_done(uv_work_t *work, int status)
{
    struct cache_job *job = work->data;
    struct execute *execute = job->execute;
    (void)status;
    execute->jobs_running--;
    report_items(job);
    start_jobs(execute);
    execute_step(execute);
}

static void start_jobs(struct execute *execute)
{
    while (execute->jobs_running < RUNNING_MAX && execute->jobs_started < execute->jobs_len &&
           !atomic_load(&execute->cancelled)) {
        struct cache_job *job = &execute->jobs[execute->jobs_started++];
        execute->jobs_running++;
        job->work.data = job;
        uv_queue_work(execute->loop, &job->work, job_run, job_done);
    }
}

/* How many removals each cache can come to. */
static size_t *count_removals(const struct plan *plan)
{
    size_t *counts = mem_zalloc(plan->caches_len * sizeof *counts);
    for (size_t i = 0; i < plan->links_len; i++)
        counts[plan->links[i].cache]++;
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].kind == ITEM_INGEST)
            counts[plan->items[i].cache]++;
    return counts;
}

void execute_caches_start(struct execute *execute)
{
    const struct plan *plan = execute->plan;
    bool *going = plan_going(plan);
    size_t *counts = count_removals(plan);
    size_t *places = mem_alloc(plan->links_len * sizeof *places);
    for (size_t i = 0; i < plan->links_len; i++)
        places[i] = SIZE_MAX;
    execute->places = places;
    execute->jobs = mem_zalloc(plan->caches_len * sizeof *execute->jobs);
    for (uint32_t i = 0; i < plan->caches_len; i++)
        prepare(execute, i, going, places, counts);
    free(counts);
    free(going);
    start_jobs(execute);
}

void execute_caches_free(struct execute *execute)
{
    for (size_t i = 0; i < execute->jobs_len; i++)
        free(execute->jobs[i].removals);
    free(execute->jobs);
    free(execute->places);
}
