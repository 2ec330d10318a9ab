/* The scan of whole sites, and what a single cache's new state changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/engines/engines.h"
#include "core/cache/remove.h"

struct cache *caches_missing(const char *path)
{
    struct cache *cache = mem_zalloc(sizeof *cache);
    cache->path = mem_strdup(path);
    cache->name = mem_strdup(path_name(path));
    cache->state = CACHE_MISSING;
    return cache;
}

bool caches_scanning(const struct bilge *bilge)
{
    for (const struct site *site = bilge->sites; site != NULL; site = site->next)
        if (site->silent_ms == 0 && (!site->found || site->scan_wanted || site->scan != NULL))
            return true;
    return false;
}

static bool any_detail(const struct bilge *bilge)
{
    for (const struct site *site = bilge->sites; site != NULL; site = site->next)
        if (site->silent_ms == 0 && (site->finding != NULL || site->rescans != NULL))
            return true;
    return false;
}

void caches_note_scanning(struct bilge *bilge)
{
    bool scanning = caches_scanning(bilge) || any_detail(bilge);
    if (bilge->store->scanning == scanning)
        return;
    bilge->store->scanning = scanning;
    bilge_moved(bilge);
}

/* ------------------------------------------------------------ one cache */

void caches_put(struct bilge *bilge, const char *path, struct cache *takes)
{
    bool missing = takes->state == CACHE_MISSING;
    struct service *row = store_get_service(bilge->store, path);
    struct site *site = roots_site(bilge, path);
    if (site != NULL)
        watching_cache(site, takes);
    if (missing && (row == NULL || !row->in_project)) {
        cache_free(takes);
        if (row == NULL)
            return;
        store_remove_service(bilge->store, row->id);
        bilge->join_needed = true;
        bilge_moved(bilge);
        return;
    }
    if (row == NULL) {
        row = store_put_service(bilge->store, path);
        mem_replace(&row->path, path);
        mem_replace(&row->name, takes->name);
        bilge->join_needed = true;
    }
    bool exported = row->cache != NULL && row->cache->last_export_at != takes->last_export_at;
    store_set_cache(bilge->store, path, takes);
    if (exported)
        engines_refresh(bilge); /* somebody's build has come to its end */
    row->scan_pass = site != NULL ? site->pass : 0;
    bilge_moved(bilge);
}

void caches_forget_silent(struct bilge *bilge)
{
    const struct store *store = bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        const struct site *site =
            row->path != NULL && row->cache != NULL ? roots_site(bilge, row->path) : NULL;
        if (site == NULL || site->silent_ms == 0)
            continue;
        char *path = mem_strdup(row->path);
        struct cache *cache = caches_missing(path);
        cache->state = CACHE_UNREADABLE;
        cache->error = roots_silence(site);
        caches_put(bilge, path, cache);
        free(path);
    }
}

/* ----------------------------------------------------------- all of them */

static void on_cache(void *arg, struct cache *cache)
{
    struct site *site = arg;
    char *path = path_join(site->place, cache->name);
    mem_replace(&cache->path, path);
    caches_put(site->bilge, path, cache);
    free(path);
}

static void on_root(void *arg, const struct err *err)
{
    struct site *site = arg;
    site->err = err != NULL ? *err : (struct err){0};
    bilge_moved(site->bilge);
}

/* Rows that this pass has not met: their directories are gone. */
static void drop_unmet(struct site *site)
{
    struct store *store = site->bilge->store;
    for (size_t i = store->services_len; i-- > 0;) {
        const struct service *row = &store->services[i];
        if (row->cache == NULL || row->cache->state == CACHE_MISSING ||
            row->scan_pass == site->pass || strcmp(row->id, row->path) != 0 ||
            roots_site(site->bilge, row->path) != site)
            continue;
        char *path = mem_strdup(row->path);
        caches_put(site->bilge, path, caches_missing(path));
        free(path);
    }
}

static void end_scan(struct site *site)
{
    struct bilge *bilge = site->bilge;
    site->scanned = true;
    if (site->err.code == 0 || site->err.code == -ENOENT)
        drop_unmet(site);
    roots_show(bilge);
    services_join(bilge);
    disks_refresh(bilge);
    caches_note_scanning(bilge);
}

static void on_done(void *arg)
{
    struct site *site = arg;
    site->scan = NULL;
    if (site->scan_wanted)
        roots_look(site, false);
    end_scan(site);
}

static const struct scan_ops scan_ops = {
    .on_cache = on_cache,
    .on_root = on_root,
    .on_done = on_done,
};

void caches_scan_site(struct site *site)
{
    struct apart apart;
    if (site->scan != NULL) { /* its end asks for the next one */
        site->scan_wanted = true;
        return;
    }
    site->pass = ++site->bilge->scan_pass;
    if (site->root == NULL || site->hidden) {
        end_scan(site);
        return;
    }
    roots_apart(site->bilge, site, &apart);
    const struct scan_spec spec = {
        .root = site->root,
        .lane = site->lane,
        .names = words_texts(&site->only),
        .names_len = site->only.len,
        .apart = &apart,
    };
    site->scan = scan_start(&spec, &scan_ops, site);
    free(apart.items);
    caches_note_scanning(site->bilge);
}

void caches_scan(struct bilge *bilge)
{
    for (struct site *site = bilge->sites; site != NULL; site = site->next)
        roots_look(site, false);
}

void caches_cancel(struct bilge *bilge)
{
    for (struct site *site = bilge->sites; site != NULL; site = site->next) {
        if (site->scan != NULL)
            scan_cancel(site->scan);
        site->scan = NULL;
        rescans_cancel(site);
        watch_free(site->watch);
        site->watch = NULL;
        lane_cancel(site->lane, NULL);
    }
}

/* ------------------------------------------------------------------ recover */

struct recover {
    struct job job;
    struct site *site; /* of the loop alone */
    struct root *root;
    size_t count;
};

static void recover_run(struct job *job)
{
    struct recover *recover = (struct recover *)job;
    struct err err;
    if (remove_recover(recover->root->fd, recover->root->path, &recover->count, &err) < 0)
        log_note("finishing an earlier removal in %s: %s", recover->root->path, err.text);
}

static void recover_done(struct job *job, bool cancelled)
{
    struct recover *recover = (struct recover *)job;
    (void)cancelled;
    if (recover->count > 0)
        roots_look(recover->site, false);
    root_release(recover->root);
    free(recover);
}

void caches_recover(struct site *site)
{
    if (site->bilge->read_only)
        return;
    struct recover *recover = mem_zalloc(sizeof *recover);
    recover->job.run = recover_run;
    recover->job.done = recover_done;
    recover->site = site;
    recover->root = root_hold(site->root);
    job_start_on(site->bilge, site->lane, &recover->job);
}
