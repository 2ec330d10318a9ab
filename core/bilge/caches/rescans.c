/* Single caches looked at again, one at a time, so that libuv's pool stays free
 * for others. What is known from before is handed to the scan, which asks only
 * for what is new. Not so for a plan: how many links a blob has may change
 * without a trace in its directory, and a plan's bytes must be true. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/caches/caches.h"

/* The first of the table is looked at, the others wait, in the order in which
 * they were asked for: uthash keeps that of insertion. */
struct rescan {
    UT_hash_handle hh; /* by the path */
    struct bilge *bilge;
    char *path, *root, *name;
    struct scan *scan;    /* NULL: it waits for its turn */
    struct cache *result; /* NULL: nothing there */
    bool for_request;
    bool again, again_for_request; /* asked for while it ran */
};

static void rescan_free(struct rescan *rescan)
{
    cache_free(rescan->result);
    free(rescan->path);
    free(rescan->root);
    free(rescan->name);
    free(rescan);
}

static void on_cache(void *arg, size_t root, struct cache *cache)
{
    struct rescan *rescan = arg;
    (void)root;
    cache_free(rescan->result);
    rescan->result = cache;
}

/* A root that is not there is no trouble: then the cache is not there either. */
static void on_root(void *arg, size_t root, const struct err *err)
{
    struct rescan *rescan = arg;
    (void)root;
    if (err == NULL || err->code == -ENOENT || rescan->result != NULL)
        return;
    rescan->result = caches_missing(rescan->path);
    rescan->result->state = CACHE_UNREADABLE;
    rescan->result->error = mem_strdup(err->text);
}

static void start_next(struct bilge *bilge);

static void remove_first(struct bilge *bilge)
{
    struct rescan *rescan = bilge->rescans;
    HASH_DEL(bilge->rescans, rescan);
    rescan_free(rescan);
}

static void on_done(void *arg)
{
    struct rescan *rescan = arg;
    struct bilge *bilge = rescan->bilge;
    struct cache *cache = rescan->result;
    rescan->scan = NULL;
    rescan->result = NULL;
    caches_put(bilge, rescan->path, cache != NULL ? cache : caches_missing(rescan->path));
    if (rescan->again) {
        rescan->for_request = rescan->again_for_request;
        rescan->again = rescan->again_for_request = false;
    } else {
        remove_first(bilge);
    }
    start_next(bilge);
    caches_note_scanning(bilge);
    bilge_wake(bilge);
}

static const struct scan_ops ops = {
    .on_cache = on_cache,
    .on_root = on_root,
    .on_done = on_done,
};

/* The first of the list runs. */
static void start_next(struct bilge *bilge)
{
    struct rescan *rescan = bilge->rescans;
    if (rescan == NULL || rescan->scan != NULL)
        return;
    const struct service *row = store_service(bilge->store, rescan->path);
    struct scan_root root = {
        .path = rescan->root,
        .only = rescan->name,
        .previous = row != NULL && !rescan->for_request ? row->cache : NULL,
    };
    rescan->scan = scan_start(bilge->loop, &root, 1, &ops, rescan);
}

static void add(struct bilge *bilge, const char *path, bool for_request)
{
    struct rescan *rescan = mem_zalloc(sizeof *rescan);
    rescan->bilge = bilge;
    rescan->path = mem_strdup(path);
    rescan->root = path_parent(path);
    rescan->name = mem_strdup(path_name(path));
    rescan->for_request = for_request;
    HASH_ADD_KEYPTR(hh, bilge->rescans, rescan->path, strlen(rescan->path), rescan);
}

void caches_rescan(struct bilge *bilge, const char *path, bool for_request)
{
    struct rescan *rescan;
    if (bilge->closing)
        return;
    HASH_FIND_STR(bilge->rescans, path, rescan);
    if (rescan == NULL) {
        add(bilge, path, for_request);
    } else if (rescan->scan != NULL) {
        rescan->again = true;
        rescan->again_for_request |= for_request;
    } else {
        rescan->for_request |= for_request;
    }
    start_next(bilge);
    caches_note_scanning(bilge);
}

bool caches_waited_for(const struct bilge *bilge)
{
    for (const struct rescan *rescan = bilge->rescans; rescan != NULL; rescan = rescan->hh.next)
        if (rescan->for_request || rescan->again_for_request)
            return true;
    return false;
}

void rescans_cancel(struct bilge *bilge)
{
    while (bilge->rescans != NULL) {
        if (bilge->rescans->scan != NULL)
            scan_cancel(bilge->rescans->scan);
        remove_first(bilge);
    }
}
