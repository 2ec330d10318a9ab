#include "core/cache/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/crew.h"
#include "core/cache/gather.h"
#include "core/cache/layout.h"

/* A scan is nearly all kernel time: two threads halve it, more gain little on
 * the machines that people build on, and libuv's pool is not ours alone. */
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
    gather_start(&crew, root_fd, root_path, name, previous, on_gathered, &cache);
    crew_work(&crew);
    crew_done(&crew);
    return cache;
}

/* ---- on a loop */

struct root {
    struct task task; /* lists it */
    struct scan *scan;
    size_t index;
    char *path;
    char *only;
    struct cache *previous;
    int fd; /* -1: not open */
    bool has_parts; /* it is itself a layout, or that can't be told */
};

/* From a thread to the loop. */
struct news {
    struct news *next;
    size_t root;
    struct cache *cache; /* NULL: the root itself */
    struct err err;
};

struct scan {
    struct crew crew;
    uv_async_t async;
    uv_work_t works[THREADS];
    size_t working;
    bool cancelled;
    struct root *roots;
    size_t roots_len;
    struct scan_ops ops;
    void *arg;
    pthread_mutex_t lock;
    struct news *first, **end;
};

static void tell(struct scan *scan, size_t root, struct cache *cache, const struct err *err)
{
    struct news *news = mem_zalloc(sizeof *news);
    news->root = root;
    news->cache = cache;
    if (err != NULL)
        news->err = *err;
    pthread_mutex_lock(&scan->lock);
    *scan->end = news;
    scan->end = &news->next;
    pthread_mutex_unlock(&scan->lock);
    uv_async_send(&scan->async);
}

static void on_root_gathered(void *arg, struct cache *cache)
{
    struct root *root = arg;
    if (cache != NULL)
        tell(root->scan, root->index, cache, NULL);
}

/* What a cache inside a cache is exported into is a root that is a cache itself:
 * its own blobs and writes are no caches in it. */
static void gather_one(struct root *root, const char *name)
{
    if (root->has_parts && cache_is_part(name))
        return;
    gather_start(&root->scan->crew, root->fd, root->path, name, root->previous, on_root_gathered,
                 root);
}

static int on_entry(void *arg, const char *name, enum fs_type type)
{
    struct root *root = arg;
    struct fs_stat stat;
    if (strncmp(name, ".bilge-", 7) == 0)
        return 0;
    if (type == FS_OTHER) {
        int code = fs_look(root->fd, name, &stat);
        type = code == 0 ? stat.type : code == -ENOENT ? FS_OTHER : FS_DIR; /* it says why */
    }
    if (type == FS_DIR || type == FS_SYMLINK)
        gather_one(root, name);
    return crew_cancelled(&root->scan->crew) ? ERR_CANCELLED : 0;
}

static void run_root(struct crew *crew, struct task *task)
{
    struct root *root = (struct root *)task;
    struct err err = {0};
    if (crew_cancelled(crew))
        return;
    int code = fs_open_root(root->path, &root->fd, &err);
    root->has_parts = code == 0 && cache_find_layout(root->fd) != 0;
    if (code == 0 && root->only != NULL)
        gather_one(root, root->only);
    else if (code == 0)
        code = fs_each(root->fd, on_entry, root, &err);
    if (code != ERR_CANCELLED)
        tell(root->scan, root->index, NULL, &err);
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
            scan->ops.on_cache(scan->arg, news->root, news->cache);
        else
            scan->ops.on_root(scan->arg, news->root, news->err.code != 0 ? &news->err : NULL);
        free(news);
        news = next;
    }
    free_news(news);
}

static void on_async(uv_async_t *async)
{
    hand_over(async->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct scan *scan = handle->data;
    free_news(take_news(scan));
    for (size_t i = 0; i < scan->roots_len; i++) {
        if (scan->roots[i].fd >= 0)
            close(scan->roots[i].fd);
        cache_free(scan->roots[i].previous);
        free(scan->roots[i].path);
        free(scan->roots[i].only);
    }
    free(scan->roots);
    pthread_mutex_destroy(&scan->lock);
    crew_done(&scan->crew);
    free(scan);
}

static void on_work(uv_work_t *work)
{
    struct scan *scan = work->data;
    crew_work(&scan->crew);
}

static void on_worked(uv_work_t *work, int status)
{
    struct scan *scan = work->data;
    (void)status;
    if (--scan->working > 0)
        return;
    crew_work(&scan->crew); /* what a cancelled thread never began with frees itself */
    hand_over(scan);
    if (!scan->cancelled)
        scan->ops.on_done(scan->arg);
    uv_close((uv_handle_t *)&scan->async, on_closed);
}

static void copy_root(struct scan *scan, size_t index, const struct scan_root *from)
{
    struct root *root = &scan->roots[index];
    *root = (struct root){{NULL, run_root}, scan, index, mem_strdup(from->path), NULL, NULL, -1,
                          false};
    if (from->only != NULL) {
        root->only = mem_strdup(from->only);
        root->previous = from->previous != NULL ? cache_copy(from->previous) : NULL;
    }
}

struct scan *scan_start(uv_loop_t *loop, const struct scan_root *roots, size_t roots_len,
                        const struct scan_ops *ops, void *arg)
{
    struct scan *scan = mem_zalloc(sizeof *scan);
    scan->ops = *ops;
    scan->arg = arg;
    scan->end = &scan->first;
    scan->roots = mem_zalloc(roots_len * sizeof *scan->roots);
    scan->roots_len = roots_len;
    pthread_mutex_init(&scan->lock, NULL);
    crew_init(&scan->crew);
    uv_async_init(loop, &scan->async, on_async);
    scan->async.data = scan;
    for (size_t i = roots_len; i-- > 0;) { /* the crew begins with the last */
        copy_root(scan, i, &roots[i]);
        crew_add(&scan->crew, &scan->roots[i].task);
    }
    for (scan->working = 0; scan->working < THREADS; scan->working++) {
        scan->works[scan->working].data = scan;
        uv_queue_work(loop, &scan->works[scan->working], on_work, on_worked);
    }
    return scan;
}

void scan_cancel(struct scan *scan)
{
    scan->cancelled = true;
    crew_cancel(&scan->crew);
    for (size_t i = 0; i < THREADS; i++)
        uv_cancel((uv_req_t *)&scan->works[i]);
}
