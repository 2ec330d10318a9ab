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

/* --------------------------------------------------------------- unfinished */

/* A request to finish what is left: a job for each root that is known to have some,
 * so that one that hangs holds up nobody else. */
struct finishing {
    size_t awaited;
    void (*then)(void *arg);
    void *arg;
};

/* One root is looked at, or what is left there is finished. */
struct recovery {
    struct job job;
    struct finishing *finishing; /* NULL: it only looks */
    size_t root;                 /* its index; SIZE_MAX: none, there is nothing to do */
    uint64_t number;
    char *path, *only;
    struct unfinished_list met;
};

static void recovery_run(struct job *job)
{
    struct recovery *recovery = (struct recovery *)job;
    struct err err;
    int fd;
    if (recovery->path == NULL || fs_open_root(recovery->path, &fd, NULL) < 0)
        return; /* of a root that can't be opened the scan tells */
    if (recovery->finishing == NULL)
        remove_unfinished(fd, recovery->path, recovery->only, &recovery->met);
    else if (remove_recover(fd, recovery->path, recovery->only, &recovery->met, &err) < 0)
        log_note("finishing an earlier removal in %s: %s", recovery->path, err.text);
    close(fd);
}

/* What is foreign, or has an error, is not finished. */
static void store_what_is_met(struct bilge *bilge, struct recovery *recovery)
{
    struct unfinished_list left = {0}, finished = {0};
    for (size_t i = 0; i < recovery->met.len; i++) {
        const struct unfinished *item = &recovery->met.items[i];
        bool is_left = recovery->finishing == NULL || item->kind == UNFINISHED_FOREIGN ||
                       item->error != NULL;
        struct unfinished_list *list = is_left ? &left : &finished;
        mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
        list->items[list->len++] = *item;
    }
    free(recovery->met.items);
    for (size_t i = 0; i < finished.len && !bilge->closing; i++)
        if (finished.items[i].kind != UNFINISHED_REMOVAL)
            caches_rescan(bilge, finished.items[i].path, false);
    store_add_finished(bilge->store, &finished);
    /* What an older look has seen may not be true any more. */
    if (recovery->number == bilge->store->roots[recovery->root].recovery)
        store_set_unfinished(bilge->store, recovery->path, recovery->only, &left);
    else
        unfinished_done(&left);
}

static void recovery_done(struct job *job, bool cancelled)
{
    struct recovery *recovery = (struct recovery *)job;
    struct bilge *bilge = job->bilge;
    struct finishing *finishing = recovery->finishing;
    (void)cancelled;
    bilge->store->recoveries--;
    if (recovery->path != NULL)
        store_what_is_met(bilge, recovery);
    free(recovery->path);
    free(recovery->only);
    free(recovery);
    if (!bilge->closing)
        bilge_moved(bilge);
    if (finishing == NULL || --finishing->awaited > 0)
        return;
    finishing->then(finishing->arg);
    free(finishing);
}

static void start_recovery(struct bilge *bilge, size_t root, struct finishing *finishing)
{
    struct recovery *recovery = mem_zalloc(sizeof *recovery);
    recovery->job.run = recovery_run;
    recovery->job.done = recovery_done;
    recovery->finishing = finishing;
    recovery->root = root;
    if (root < bilge->store->roots_len) {
        struct cache_root *meant = &bilge->store->roots[root];
        recovery->number = ++meant->recovery;
        recovery->path = mem_strdup(meant->path);
        mem_replace(&recovery->only, meant->only);
    }
    if (finishing != NULL)
        finishing->awaited++;
    bilge->store->recoveries++;
    job_start(bilge, &recovery->job);
}

void caches_look_unfinished(struct bilge *bilge, size_t first)
{
    for (size_t i = first; i < bilge->store->roots_len; i++)
        start_recovery(bilge, i, NULL);
}

void caches_finish(struct bilge *bilge, void (*then)(void *arg), void *arg)
{
    struct store *store = bilge->store;
    struct finishing *finishing = mem_zalloc(sizeof *finishing);
    finishing->then = then;
    finishing->arg = arg;
    for (size_t i = 0; i < store->roots_len; i++)
        if (store_root_has_unfinished(store, &store->roots[i]))
            start_recovery(bilge, i, finishing);
    if (finishing->awaited == 0)
        start_recovery(bilge, SIZE_MAX, finishing);
}

int bilge_finish(struct bilge *bilge, void (*then)(void *arg), void *arg, struct err *err)
{
    if (bilge->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is finished");
    caches_finish(bilge, then, arg);
    return 0;
}
