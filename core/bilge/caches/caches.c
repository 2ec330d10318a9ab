/* The scan of all roots, and what a single cache's new state changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/engines/engines.h"
#include "core/bilge/memory/memory.h"
#include "core/cache/remove.h"

struct cache *caches_missing(const char *path)
{
    struct cache *cache = mem_zalloc(sizeof *cache);
    cache->path = mem_strdup(path);
    cache->name = mem_strdup(path_name(path));
    cache->state = CACHE_MISSING;
    return cache;
}

void caches_note_scanning(struct bilge *bilge)
{
    bool scanning = bilge->scan != NULL || bilge->rescans != NULL || bilge->listings != NULL;
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
    watching_cache(bilge, path, !missing);
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
    row->scan_pass = bilge->scan_pass;
    bilge_moved(bilge);
}

/* ----------------------------------------------------------- all of them */

static void on_cache(void *arg, size_t root, struct cache *cache)
{
    struct bilge *bilge = arg;
    const char *base = bilge->store->roots[root].path;
    char *path = path_join(base, cache->name);
    caches_put(bilge, path, cache);
    free(path);
}

static void on_root(void *arg, size_t index, const struct err *err)
{
    struct bilge *bilge = arg;
    struct cache_root *root = &bilge->store->roots[index];
    bool absent = err != NULL && err->code == -ENOENT;
    root->load = err == NULL || absent ? LOAD_DONE : LOAD_FAILED;
    mem_replace(&root->error, err == NULL || absent ? NULL : err->text);
    watching_root(bilge, index, !absent);
    bilge->join_needed = true;
    bilge_moved(bilge);
}

/* Rows that this pass has not met: their directories are gone. */
static void drop_unmet(struct bilge *bilge)
{
    struct store *store = bilge->store;
    for (size_t i = store->services_len; i-- > 0;) {
        const struct service *row = &store->services[i];
        if (row->cache == NULL || row->cache->state == CACHE_MISSING ||
            row->scan_pass == bilge->scan_pass || strcmp(row->id, row->path) != 0)
            continue;
        const struct cache_root *root = roots_of(store, row->path);
        if (root == NULL || root->load == LOAD_FAILED)
            continue;
        char *path = mem_strdup(row->path);
        caches_put(bilge, path, caches_missing(path));
        free(path);
    }
}

static void on_done(void *arg)
{
    struct bilge *bilge = arg;
    bilge->scan = NULL;
    drop_unmet(bilge);
    if (bilge->scan_again)
        caches_scan(bilge);
    services_join(bilge);
    disks_refresh(bilge);
    caches_note_scanning(bilge);
}

static const struct scan_ops scan_ops = {
    .on_cache = on_cache,
    .on_root = on_root,
    .on_done = on_done,
};

void caches_scan(struct bilge *bilge)
{
    struct store *store = bilge->store;
    if (bilge->scan != NULL || store->roots_len == 0) {
        bilge->scan_again = bilge->scan != NULL;
        return;
    }
    bilge->scan_again = false;
    bilge->scan_pass++;
    watching_open(bilge);
    struct scan_root *roots = mem_alloc(store->roots_len * sizeof *roots);
    for (size_t i = 0; i < store->roots_len; i++)
        roots[i] = (struct scan_root){.path = store->roots[i].path, .only = store->roots[i].only};
    bilge->scan = scan_start(bilge->loop, roots, store->roots_len, &scan_ops, bilge);
    free(roots);
    caches_note_scanning(bilge);
}

void caches_cancel(struct bilge *bilge)
{
    if (bilge->scan != NULL)
        scan_cancel(bilge->scan);
    bilge->scan = NULL;
    watching_close(bilge);
    rescans_cancel(bilge);
}

/* ------------------------------------------------------------------ recover */

struct recover {
    struct job job;
    char *root;
    size_t count;
};

static void recover_run(struct job *job)
{
    struct recover *recover = (struct recover *)job;
    struct err err;
    int fd;
    if (fs_open_root(recover->root, &fd, NULL) < 0)
        return;
    if (remove_recover(fd, recover->root, &recover->count, &err) < 0)
        log_note("finishing an earlier removal in %s: %s", recover->root, err.text);
    close(fd);
}

static void recover_done(struct job *job, bool cancelled)
{
    struct recover *recover = (struct recover *)job;
    (void)cancelled;
    if (recover->count > 0 && !job->bilge->closing)
        caches_scan(job->bilge);
    free(recover->root);
    free(recover);
}

void caches_recover(struct bilge *bilge, size_t first)
{
    const struct store *store = bilge->store;
    for (size_t i = first; i < store->roots_len && !bilge->read_only; i++) {
        bool met = false;
        for (size_t j = first; j < i && !met; j++)
            met = strcmp(store->roots[j].path, store->roots[i].path) == 0;
        if (met)
            continue;
        struct recover *recover = mem_zalloc(sizeof *recover);
        recover->job.run = recover_run;
        recover->job.done = recover_done;
        recover->root = mem_strdup(store->roots[i].path);
        job_start(bilge, &recover->job);
    }
}
