#include "core/cache/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/words.h"
#include "core/cache/crew.h"
#include "core/cache/gather.h"
#include "core/cache/layout.h"

/* A scan is nearly all kernel time: two threads halve it, more gain little on
 * the machines that people build on, and the lane is not ours alone. */
#define THREADS 2

static void on_gathered(void *arg, struct cache *cache)
{
    *(struct cache **)arg = cache;
}

struct cache *scan_cache(int root_fd, const char *root_path, const char *name,
                         const struct cache *previous)
{
    struct cache *cache = NULL;
    struct crew crew;
    crew_init(&crew);
    gather_start(&crew, root_fd, root_path, name, previous, NULL, on_gathered, &cache);
    crew_work(&crew);
    crew_done(&crew);
    return cache;
}

/* ---- on a loop */

/* From a thread to the loop. */
struct news {
    struct news *next;
    struct cache *cache; /* NULL: the root itself */
    struct err err;
};

struct scan_work {
    struct lane_job job; /* first: each is the other */
    struct scan *scan;
};

struct scan {
    struct task task; /* first: the one that lists the root */
    bool has_parts; /* the root is itself a layout, or that cannot be told */
    struct crew crew;
    struct scan_work works[THREADS];
    size_t working;
    bool cancelled;
    bool lost; /* no thread could be had for it */
    struct root *root;
    struct lane *lane;
    struct words names;
    struct cache *previous;
    struct apart apart;
    struct scan_ops ops;
    void *arg;
    pthread_mutex_t lock;
    struct news *first, **end;
};

static void tell(struct scan *scan, struct cache *cache, const struct err *err)
{
    struct news *news = mem_zalloc(sizeof *news);
    news->cache = cache;
    if (err != NULL)
        news->err = *err;
    pthread_mutex_lock(&scan->lock);
    *scan->end = news;
    scan->end = &news->next;
    pthread_mutex_unlock(&scan->lock);
    for (size_t i = 0; i < THREADS; i++)
        lane_tell(scan->lane, &scan->works[i].job);
}

static void on_root_gathered(void *arg, struct cache *cache)
{
    if (cache != NULL)
        tell(arg, cache, NULL);
}

/* What a cache inside a cache is exported into is a root that is a cache itself:
 * its own blobs and writes are no caches in it. */
static void gather_one(struct scan *scan, const char *name)
{
    if (scan->has_parts && cache_is_part(name))
        return;
    gather_start(&scan->crew, scan->root->fd, scan->root->path, name, scan->previous, &scan->apart,
                 on_root_gathered, scan);
}

static int on_entry(void *arg, const char *name, enum fs_type type)
{
    struct scan *scan = arg;
    struct fs_stat stat;
    if (strncmp(name, ".bilge-", 7) == 0)
        return 0;
    if (type == FS_OTHER || (type == FS_DIR && scan->apart.len > 0)) {
        int code = fs_look(scan->root->fd, name, &stat);
        type = code == 0 ? stat.type : code == -ENOENT ? FS_OTHER : FS_DIR; /* it says why */
        if (code == 0 && apart_has(&scan->apart, stat.dev, stat.ino))
            return 0;
    }
    if (type == FS_DIR || type == FS_SYMLINK)
        gather_one(scan, name);
    return crew_cancelled(&scan->crew) ? ERR_CANCELLED : 0;
}

static void run_root(struct crew *crew, struct task *task)
{
    struct scan *scan = (struct scan *)task;
    struct err err = {0}, reason;
    int code = 0;
    if (crew_cancelled(crew))
        return;
    scan->has_parts = cache_find_layout(scan->root->fd) != 0;
    for (size_t i = 0; i < scan->names.len; i++)
        gather_one(scan, scan->names.items[i]);
    if (scan->names.len == 0)
        code = fs_each(scan->root->fd, on_entry, scan, &reason);
    if (code == ERR_CANCELLED)
        return;
    if (code < 0)
        err_sys(&err, code, "cannot read cache root %s", scan->root->path);
    tell(scan, NULL, &err);
}

static void free_news(struct news *news)
{
    while (news != NULL) {
        struct news *next = news->next;
        cache_free(news->cache);
        free(news);
        news = next;
    }
}

static struct news *take_news(struct scan *scan)
{
    pthread_mutex_lock(&scan->lock);
    struct news *first = scan->first;
    scan->first = NULL;
    scan->end = &scan->first;
    pthread_mutex_unlock(&scan->lock);
    return first;
}

static void hand_over(struct scan *scan)
{
    struct news *news = take_news(scan);
    while (news != NULL && !scan->cancelled) {
        struct news *next = news->next;
        if (news->cache != NULL)
            scan->ops.on_cache(scan->arg, news->cache);
        else
            scan->ops.on_root(scan->arg, news->err.code != 0 ? &news->err : NULL);
        free(news);
        news = next;
    }
    free_news(news);
}

static void on_told(struct lane_job *job)
{
    hand_over(((struct scan_work *)job)->scan);
}

static void scan_free(struct scan *scan)
{
    free_news(take_news(scan));
    root_release(scan->root);
    cache_free(scan->previous);
    words_done(&scan->names);
    free(scan->apart.items);
    pthread_mutex_destroy(&scan->lock);
    crew_done(&scan->crew);
    free(scan);
}

static void on_work(struct lane_job *job)
{
    crew_work(&((struct scan_work *)job)->scan->crew);
}

static void on_worked(struct lane_job *job, bool cancelled)
{
    struct scan *scan = ((struct scan_work *)job)->scan;
    struct err err;
    if (cancelled) {
        scan->lost |= !scan->cancelled;
        crew_cancel(&scan->crew);
    }
    if (--scan->working > 0)
        return;
    crew_work(&scan->crew); /* what a cancelled thread never began with frees itself */
    hand_over(scan);
    if (scan->lost && !scan->cancelled) {
        err_sys(&err, -EAGAIN, "cannot read cache root %s", scan->root->path);
        scan->ops.on_root(scan->arg, &err);
    }
    if (!scan->cancelled)
        scan->ops.on_done(scan->arg);
    scan_free(scan);
}

struct scan *scan_start(const struct scan_spec *spec, const struct scan_ops *ops, void *arg)
{
    struct scan *scan = mem_zalloc(sizeof *scan);
    scan->ops = *ops;
    scan->arg = arg;
    scan->end = &scan->first;
    scan->root = root_hold(spec->root);
    scan->lane = spec->lane;
    words_add_all(&scan->names, spec->names, spec->names_len);
    scan->previous = spec->previous != NULL ? cache_copy(spec->previous) : NULL;
    apart_copy(&scan->apart, spec->apart);
    pthread_mutex_init(&scan->lock, NULL);
    crew_init(&scan->crew);
    scan->task.run = run_root;
    crew_add(&scan->crew, &scan->task);
    for (size_t i = 0; i < THREADS; i++)
        scan->works[i] =
            (struct scan_work){{.run = on_work, .told = on_told, .done = on_worked}, scan};
    scan->working = THREADS;
    for (size_t i = 0; i < THREADS; i++)
        lane_add(scan->lane, &scan->works[i].job);
    return scan;
}

void scan_cancel(struct scan *scan)
{
    scan->cancelled = true;
    crew_cancel(&scan->crew);
    for (size_t i = 0; i < THREADS; i++)
        lane_cancel(scan->lane, &scan->works[i].job);
}
