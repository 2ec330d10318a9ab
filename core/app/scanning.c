/* The scan of whole sites, and what a single cache's new state changes. */

#include "core/app/scanning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/app.h"
#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/roots.h"
#include "core/app/services.h"
#include "core/app/watching.h"
#include "core/base/hashtable.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/remove.h"

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
        struct cache *cache = cache_missing(path);
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
    site->unlisted = err != NULL ? *err : (struct err){0};
    site->err = site->unlisted;
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
        caches_put(site->bilge, path, cache_missing(path));
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
        .names = strlist_texts(&site->only),
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

/* --------------------------------------------------------------- unfinished */

/* A request to finish what is left: a job for each site that is known to have some,
 * so that one that hangs holds up nobody else. */
struct finishing {
    size_t awaited;
    void (*then)(void *arg);
    void *arg;
};

/* One site is looked at, or what is left there is finished. */
struct recovery {
    struct job job;
    struct finishing *finishing; /* NULL: it only looks */
    struct site *site;           /* NULL: there is nothing to do; of the loop alone */
    struct recovery *next;       /* of the site's */
    bool given_up;               /* nobody waits for it any more */
    struct root *root;
    uint64_t number;
    char *path;         /* of the site's rows */
    struct strlist names; /* what is looked at in it; none: all */
    struct unfinished_list met;
};

static void recover_one(struct recovery *recovery, const char *only)
{
    struct err err;
    int fd = recovery->root->fd;
    if (recovery->finishing == NULL)
        remove_unfinished(fd, recovery->path, only, &recovery->met);
    else if (remove_recover(fd, recovery->path, only, &recovery->met, &err) < 0)
        log_note("finishing an earlier removal in %s: %s", recovery->path, err.text);
}

static void recovery_run(struct job *job)
{
    struct recovery *recovery = (struct recovery *)job;
    if (recovery->root == NULL)
        return; /* of a root that can't be opened the scan tells */
    for (size_t i = 0; i < recovery->names.len; i++)
        recover_one(recovery, recovery->names.items[i]);
    if (recovery->names.len == 0)
        recover_one(recovery, NULL);
}

static void move_item(struct unfinished_list *list, const struct unfinished *item)
{
    mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = *item;
}

/* What is left of one name, or (NULL) of all. */
static void set_left(struct bilge *bilge, const struct recovery *recovery, const char *only,
                     const struct unfinished_list *left)
{
    struct unfinished_list part = {0};
    for (size_t i = 0; i < left->len; i++)
        if (only == NULL || strcmp(left->items[i].only, only) == 0)
            move_item(&part, &left->items[i]);
    store_set_unfinished(bilge->store, recovery->path, only, &part);
}

/* What is foreign, or has an error, is not finished. */
static void store_what_is_met(struct bilge *bilge, struct recovery *recovery)
{
    struct unfinished_list left = {0}, finished = {0};
    for (size_t i = 0; i < recovery->met.len; i++) {
        const struct unfinished *item = &recovery->met.items[i];
        bool is_left = recovery->finishing == NULL || item->kind == UNFINISHED_FOREIGN ||
                       item->error != NULL;
        move_item(is_left ? &left : &finished, item);
    }
    free(recovery->met.items);
    bool back = false; /* a whole cache, under its own name */
    for (size_t i = 0; i < finished.len && !bilge->closing; i++) {
        back |= finished.items[i].kind == UNFINISHED_AWAY;
        if (finished.items[i].kind == UNFINISHED_ASIDE || finished.items[i].kind == UNFINISHED_WRITE)
            caches_rescan(bilge, finished.items[i].path, false);
    }
    if (back)
        caches_scan_site(recovery->site);
    store_add_finished(bilge->store, &finished);
    /* What an older look has seen may not be true any more. */
    if (recovery->number != recovery->site->recovery) {
        unfinished_done(&left);
        return;
    }
    for (size_t i = 0; i < recovery->names.len; i++)
        set_left(bilge, recovery, recovery->names.items[i], &left);
    if (recovery->names.len == 0)
        set_left(bilge, recovery, NULL, &left);
    free(left.items);
}

/* It is over, or given up. */
static void stop_waiting(struct bilge *bilge, struct recovery *recovery)
{
    struct finishing *finishing = recovery->finishing;
    recovery->given_up = true;
    bilge->store->recoveries--;
    if (finishing == NULL || --finishing->awaited > 0)
        return;
    finishing->then(finishing->arg);
    free(finishing);
}

void caches_give_up(struct site *site)
{
    for (struct recovery *recovery = site->recoveries; recovery != NULL;
         recovery = recovery->next)
        if (!recovery->given_up)
            stop_waiting(site->bilge, recovery);
}

static void leave_site(struct recovery *recovery)
{
    struct recovery **at = &recovery->site->recoveries;
    while (*at != recovery)
        at = &(*at)->next;
    *at = recovery->next;
}

static void recovery_done(struct job *job, bool cancelled)
{
    struct recovery *recovery = (struct recovery *)job;
    struct bilge *bilge = job->bilge;
    (void)cancelled;
    if (recovery->site != NULL)
        leave_site(recovery);
    if (recovery->root != NULL) {
        store_what_is_met(bilge, recovery);
        root_release(recovery->root);
    }
    free(recovery->path);
    strlist_done(&recovery->names);
    if (!bilge->closing)
        bilge_moved(bilge);
    if (!recovery->given_up)
        stop_waiting(bilge, recovery);
    free(recovery);
}

static void start_recovery(struct bilge *bilge, struct site *site, struct finishing *finishing)
{
    struct recovery *recovery = mem_zalloc(sizeof *recovery);
    recovery->job.run = recovery_run;
    recovery->job.done = recovery_done;
    recovery->finishing = finishing;
    recovery->site = site;
    if (site != NULL) {
        recovery->number = ++site->recovery;
        recovery->root = root_hold(site->root);
        recovery->path = mem_strdup(site->place);
        strlist_add_all(&recovery->names, strlist_texts(&site->only), site->only.len);
        recovery->next = site->recoveries;
        site->recoveries = recovery;
    }
    if (finishing != NULL)
        finishing->awaited++;
    bilge->store->recoveries++;
    job_start_on(bilge, site != NULL ? site->lane : bilge->lane, &recovery->job);
}

static bool is_looked_into(const struct site *site)
{
    return site->root != NULL && !site->hidden;
}

void caches_look_unfinished(struct bilge *bilge, struct site *site)
{
    for (struct site *each = bilge->sites; each != NULL; each = each->next)
        if ((site == NULL || each == site) && is_looked_into(each))
            start_recovery(bilge, each, NULL);
}

static bool has_unfinished(const struct bilge *bilge, const struct site *site)
{
    const struct store *store = bilge->store;
    for (size_t i = 0; i < store->roots_len; i++)
        if (store->roots[i].site == site && store_root_has_unfinished(store, &store->roots[i]))
            return true;
    return false;
}

void caches_finish(struct bilge *bilge, void (*then)(void *arg), void *arg)
{
    struct finishing *finishing = mem_zalloc(sizeof *finishing);
    finishing->then = then;
    finishing->arg = arg;
    for (struct site *site = bilge->sites; site != NULL; site = site->next)
        if (is_looked_into(site) && has_unfinished(bilge, site))
            start_recovery(bilge, site, finishing);
    if (finishing->awaited == 0)
        start_recovery(bilge, NULL, finishing);
}

int bilge_finish(struct bilge *bilge, void (*then)(void *arg), void *arg, struct err *err)
{
    if (bilge->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is finished");
    caches_finish(bilge, then, arg);
    return 0;
}

/* Single caches looked at again, of each site one at a time, so that its lane stays
 * free for others. What is known from before is handed to the scan, which asks only
 * for what is new. Not so for a plan: how many links a blob has may change
 * without a trace in its directory, and a plan's bytes must be true. */

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

static void rescans_on_cache(void *arg, struct cache *cache)
{
    struct rescan *rescan = arg;
    cache_free(rescan->result);
    rescan->result = cache;
    mem_replace(&cache->path, rescan->path);
}

/* A root that is not there is no trouble: then the cache is not there either. */
static void rescans_on_root(void *arg, const struct err *err)
{
    struct rescan *rescan = arg;
    if (err == NULL || err->code == -ENOENT || rescan->result != NULL)
        return;
    rescan->result = cache_missing(rescan->path);
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

static void rescans_on_done(void *arg)
{
    struct rescan *rescan = arg;
    struct site *site = rescan->site;
    struct bilge *bilge = site->bilge;
    struct cache *cache = rescan->result;
    rescan->scan = NULL;
    rescan->result = NULL;
    caches_put(bilge, rescan->path, cache != NULL ? cache : cache_missing(rescan->path));
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
    .on_cache = rescans_on_cache,
    .on_root = rescans_on_root,
    .on_done = rescans_on_done,
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
        rescans_on_root(rescan, &site->err);
        struct cache *cache = rescan->result;
        rescan->result = NULL;
        caches_put(site->bilge, rescan->path,
                   cache != NULL ? cache : cache_missing(rescan->path));
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
