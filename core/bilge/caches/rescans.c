/* Single caches looked at again, of each site one at a time, so that its lane stays
 * free for others. What is known from before is handed to the scan, which asks only
 * for what is new. Not so for a plan: how many links a blob has may change
 * without a trace in its directory, and a plan's bytes must be true. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hashtable.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/caches/caches.h"

/* The first of the table is looked at, the others wait, in the order in which
 * they were asked for: uthash keeps that of insertion. */
struct rescan {
    UT_hash_handle hh; /* by the path */
    struct site *site;
    char *path, *name;
    struct scan *scan;    /* NULL: it waits for its turn */
    struct cache *result; /* NULL: nothing there */
    bool for_request;
    bool again, again_for_request; /* asked for while it ran */
};

static void rescan_free(struct rescan *rescan)
{
    cache_free(rescan->result);
    free(rescan->path);
    free(rescan->name);
    free(rescan);
}

static void on_cache(void *arg, struct cache *cache)
{
    struct rescan *rescan = arg;
    cache_free(rescan->result);
    rescan->result = cache;
    mem_replace(&cache->path, rescan->path);
}

/* A root that is not there is no trouble: then the cache is not there either. */
static void on_root(void *arg, const struct err *err)
{
    struct rescan *rescan = arg;
    if (err == NULL || err->code == -ENOENT || rescan->result != NULL)
        return;
    rescan->result = caches_missing(rescan->path);
    rescan->result->state = CACHE_UNREADABLE;
    rescan->result->error = mem_strdup(err->text);
}

static void start_next(struct site *site);

static void remove_first(struct site *site)
{
    struct rescan *rescan = site->rescans;
    HASH_DEL(site->rescans, rescan);
    rescan_free(rescan);
}

static void on_done(void *arg)
{
    struct rescan *rescan = arg;
    struct site *site = rescan->site;
    struct bilge *bilge = site->bilge;
    struct cache *cache = rescan->result;
    rescan->scan = NULL;
    rescan->result = NULL;
    caches_put(bilge, rescan->path, cache != NULL ? cache : caches_missing(rescan->path));
    if (rescan->again) {
        rescan->for_request = rescan->again_for_request;
        rescan->again = rescan->again_for_request = false;
    } else {
        remove_first(site);
    }
    start_next(site);
    caches_note_scanning(bilge);
    bilge_wake(bilge);
}

static const struct scan_ops ops = {
    .on_cache = on_cache,
    .on_root = on_root,
    .on_done = on_done,
};

/* The first of the list runs. */
static void start_next(struct site *site)
{
    while (site->rescans != NULL && site->rescans->scan == NULL) {
        struct rescan *rescan = site->rescans;
        const struct service *row = store_service(site->bilge->store, rescan->path);
        const char *name = rescan->name;
        struct apart apart;
        if (site->root != NULL) {
            roots_apart(site->bilge, site, &apart);
            const struct scan_spec spec = {
                .root = site->root,
                .lane = site->lane,
                .names = &name,
                .names_len = 1,
                .apart = &apart,
                .previous = row != NULL && !rescan->for_request ? row->cache : NULL,
            };
            rescan->scan = scan_start(&spec, &ops, rescan);
            free(apart.items);
            return;
        }
        on_root(rescan, &site->err);
        struct cache *cache = rescan->result;
        rescan->result = NULL;
        caches_put(site->bilge, rescan->path,
                   cache != NULL ? cache : caches_missing(rescan->path));
        remove_first(site);
    }
}

static void add(struct site *site, const char *path, bool for_request)
{
    struct rescan *rescan = mem_zalloc(sizeof *rescan);
    rescan->site = site;
    rescan->path = mem_strdup(path);
    rescan->name = mem_strdup(path_name(path));
    rescan->for_request = for_request;
    HASH_ADD_KEYPTR(hh, site->rescans, rescan->path, strlen(rescan->path), rescan);
}

void caches_rescan(struct bilge *bilge, const char *path, bool for_request)
{
    struct site *site = bilge->closing ? NULL : roots_site(bilge, path);
    struct rescan *rescan;
    if (site == NULL)
        return;
    HASH_FIND_STR(site->rescans, path, rescan);
    if (rescan == NULL) {
        add(site, path, for_request);
    } else if (rescan->scan != NULL) {
        rescan->again = true;
        rescan->again_for_request |= for_request;
    } else {
        rescan->for_request |= for_request;
    }
    start_next(site);
    caches_note_scanning(bilge);
}

bool caches_waited_for(const struct bilge *bilge)
{
    for (const struct site *site = bilge->sites; site != NULL; site = site->next)
        for (const struct rescan *rescan = site->silent_ms > 0 ? NULL : site->rescans;
             rescan != NULL; rescan = rescan->hh.next)
            if (rescan->for_request || rescan->again_for_request)
                return true;
    return false;
}

void rescans_cancel(struct site *site)
{
    while (site->rescans != NULL) {
        if (site->rescans->scan != NULL)
            scan_cancel(site->rescans->scan);
        remove_first(site);
    }
}
