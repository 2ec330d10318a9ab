/* The scan of whole sites, and what a single cache's new state changes. */
#include "core/app/scanning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/app/roots.h"
#include "core/app/services.h"
#include "core/base/hashtable.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/remove.h"

/* What is under way in a site. */
struct scanned {
    struct scanned *next;
    struct scanning *scanning;
    struct site *site;
    struct scan *scan;           /* of all of it */
    struct rescan *rescans;      /* of single caches: queued and running */
    uint64_t recovery;           /* the number of the last look for what is unfinished */
    struct recovery *recoveries; /* under way */
};

struct scanning {
    struct hub *hub;
    struct store *store;
    struct lanes *lanes;
    struct roots *roots;
    struct services *services;
    struct engines *engines;
    struct disks *disks;
    bool marks;
    scanning_cache_cb *on_cache;
    void *arg;
    struct scanned *sites;
};

/* Made when a site is met first. */
static struct scanned *scanned_of(struct scanning *scanning, struct site *site)
{
    struct scanned **at = &scanning->sites;
    while (*at != NULL && (*at)->site != site)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = mem_zalloc(sizeof **at);
        (*at)->scanning = scanning;
        (*at)->site = site;
    }
    return *at;
}

bool scanning_is_on(struct scanning *scanning)
{
    for (struct site *site = roots_first(scanning->roots); site != NULL; site = site_next(site))
        if (!site_is_silent(site) && (!site_is_found(site) || site_wants_scan(site) ||
                                      scanned_of(scanning, site)->scan != NULL))
            return true;
    return false;
}

static bool any_detail(struct scanning *scanning)
{
    for (struct site *site = roots_first(scanning->roots); site != NULL; site = site_next(site))
        if (!site_is_silent(site) &&
            (site_is_searched(site) || scanned_of(scanning, site)->rescans != NULL))
            return true;
    return false;
}

void scanning_note(struct scanning *scanning)
{
    bool on = scanning_is_on(scanning) || any_detail(scanning);
    if (scanning->store->scanning == on)
        return;
    scanning->store->scanning = on;
    hub_moved(scanning->hub);
}

/* ------------------------------------------------------------ one cache */

static void put_cache(struct scanning *scanning, const char *path, struct cache *takes)
{
    bool missing = takes->state == CACHE_MISSING;
    struct service *row = store_get_service(scanning->store, path);
    struct site *site = roots_site(scanning->roots, path);
    if (site != NULL)
        scanning->on_cache(scanning->arg, site, takes);
    if (missing && (row == NULL || !row->in_project)) {
        cache_free(takes);
        if (row == NULL)
            return;
        store_remove_service(scanning->store, row->id);
        services_need_join(scanning->services);
        hub_moved(scanning->hub);
        return;
    }
    if (row == NULL) {
        row = store_put_service(scanning->store, path);
        mem_replace(&row->path, path);
        mem_replace(&row->name, takes->name);
        services_need_join(scanning->services);
    }
    bool exported = row->cache != NULL && row->cache->last_export_at != takes->last_export_at;
    store_set_cache(scanning->store, path, takes);
    if (exported)
        engines_refresh(scanning->engines); /* somebody's build has come to its end */
    row->scan_pass = site != NULL ? site_pass(site) : 0;
    hub_moved(scanning->hub);
}

void scanning_forget_silent(struct scanning *scanning)
{
    const struct store *store = scanning->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        const struct site *site =
            row->path != NULL && row->cache != NULL ? roots_site(scanning->roots, row->path) : NULL;
        if (site == NULL || !site_is_silent(site))
            continue;
        char *path = mem_strdup(row->path);
        struct cache *cache = cache_missing(path);
        cache->state = CACHE_UNREADABLE;
        cache->error = site_silence(site);
        put_cache(scanning, path, cache);
        free(path);
    }
}

/* ----------------------------------------------------------- all of them */

static void scan_on_cache(void *arg, struct cache *cache)
{
    struct scanned *scanned = arg;
    char *path = path_join(site_place(scanned->site), cache->name);
    mem_replace(&cache->path, path);
    put_cache(scanned->scanning, path, cache);
    free(path);
}

static void on_root(void *arg, const struct err *err)
{
    struct scanned *scanned = arg;
    site_set_unlisted(scanned->site, err);
    hub_moved(scanned->scanning->hub);
}

/* Rows that this pass has not met: their directories are gone. */
static void drop_unmet(struct scanning *scanning, const struct site *site)
{
    struct store *store = scanning->store;
    for (size_t i = store->services_len; i-- > 0;) {
        const struct service *row = &store->services[i];
        if (row->cache == NULL || row->cache->state == CACHE_MISSING ||
            row->scan_pass == site_pass(site) || strcmp(row->id, row->path) != 0 ||
            roots_site(scanning->roots, row->path) != site)
            continue;
        char *path = mem_strdup(row->path);
        put_cache(scanning, path, cache_missing(path));
        free(path);
    }
}

static void end_scan(struct scanning *scanning, struct site *site)
{
    int code = site_err(site)->code;
    site_end_scan(site);
    if (code == 0 || code == -ENOENT)
        drop_unmet(scanning, site);
    roots_show(scanning->roots);
    services_join(scanning->services);
    disks_refresh(scanning->disks);
    scanning_note(scanning);
}

static void on_done(void *arg)
{
    struct scanned *scanned = arg;
    scanned->scan = NULL;
    if (site_wants_scan(scanned->site))
        roots_look(scanned->site);
    end_scan(scanned->scanning, scanned->site);
}

static const struct scan_ops scan_ops = {
    .on_cache = scan_on_cache,
    .on_root = on_root,
    .on_done = on_done,
};

void scanning_scan(struct scanning *scanning, struct site *site)
{
    struct scanned *scanned = scanned_of(scanning, site);
    const struct strlist *only = site_only(site);
    struct apart apart;
    if (scanned->scan != NULL) { /* its end asks for the next one */
        site_want_scan(site);
        return;
    }
    site_begin_scan(site);
    if (site_root(site) == NULL || site_is_hidden(site)) {
        end_scan(scanning, site);
        return;
    }
    roots_apart(scanning->roots, site, &apart);
    const struct scan_spec spec = {
        .root = site_root(site),
        .lane = site_lane(site),
        .names = strlist_texts(only),
        .names_len = only->len,
        .apart = &apart,
        .marks = scanning->marks,
    };
    scanned->scan = scan_start(&spec, &scan_ops, scanned);
    free(apart.items);
    scanning_note(scanning);
}

void scanning_look(struct scanning *scanning)
{
    for (struct site *site = roots_first(scanning->roots); site != NULL; site = site_next(site))
        roots_look(site);
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
    struct scanned *scanned;     /* NULL: there is nothing to do; of the loop alone */
    struct recovery *next;       /* of the site's */
    bool given_up;               /* nobody waits for it any more */
    struct root *root;
    uint64_t number;
    char *path;           /* of the site's rows */
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
static void set_left(struct scanning *scanning, const struct recovery *recovery, const char *only,
                     const struct unfinished_list *left)
{
    struct unfinished_list part = {0};
    for (size_t i = 0; i < left->len; i++)
        if (only == NULL || strcmp(left->items[i].only, only) == 0)
            move_item(&part, &left->items[i]);
    store_set_unfinished(scanning->store, recovery->path, only, &part);
}

/* What is foreign, or has an error, is not finished. */
static void store_what_is_met(struct scanning *scanning, struct recovery *recovery)
{
    struct unfinished_list left = {0}, finished = {0};
    for (size_t i = 0; i < recovery->met.len; i++) {
        const struct unfinished *item = &recovery->met.items[i];
        bool is_left =
            recovery->finishing == NULL || item->kind == UNFINISHED_FOREIGN || item->error != NULL;
        move_item(is_left ? &left : &finished, item);
    }
    free(recovery->met.items);
    bool back = false; /* a whole cache, under its own name */
    for (size_t i = 0; i < finished.len && !hub_is_closing(scanning->hub); i++) {
        back |= finished.items[i].kind == UNFINISHED_AWAY;
        if (finished.items[i].kind == UNFINISHED_ASIDE ||
            finished.items[i].kind == UNFINISHED_WRITE)
            scanning_rescan(scanning, finished.items[i].path, false);
    }
    if (back)
        scanning_scan(scanning, recovery->scanned->site);
    store_add_finished(scanning->store, &finished);
    /* What an older look has seen may not be true any more. */
    if (recovery->number != recovery->scanned->recovery) {
        unfinished_done(&left);
        return;
    }
    for (size_t i = 0; i < recovery->names.len; i++)
        set_left(scanning, recovery, recovery->names.items[i], &left);
    if (recovery->names.len == 0)
        set_left(scanning, recovery, NULL, &left);
    free(left.items);
}

/* It is over, or given up. */
static void stop_waiting(struct scanning *scanning, struct recovery *recovery)
{
    struct finishing *finishing = recovery->finishing;
    recovery->given_up = true;
    scanning->store->recoveries--;
    if (finishing == NULL || --finishing->awaited > 0)
        return;
    finishing->then(finishing->arg);
    free(finishing);
}

void scanning_give_up(struct scanning *scanning, struct site *site)
{
    for (struct recovery *recovery = scanned_of(scanning, site)->recoveries; recovery != NULL;
         recovery = recovery->next)
        if (!recovery->given_up)
            stop_waiting(scanning, recovery);
}

static void leave_site(struct recovery *recovery)
{
    struct recovery **at = &recovery->scanned->recoveries;
    while (*at != recovery)
        at = &(*at)->next;
    *at = recovery->next;
}

static void recovery_done(struct job *job, bool cancelled)
{
    struct recovery *recovery = (struct recovery *)job;
    struct scanning *scanning = job->owner;
    (void)cancelled;
    if (recovery->scanned != NULL)
        leave_site(recovery);
    if (recovery->root != NULL) {
        store_what_is_met(scanning, recovery);
        root_release(recovery->root);
    }
    free(recovery->path);
    strlist_done(&recovery->names);
    if (!hub_is_closing(scanning->hub))
        hub_moved(scanning->hub);
    if (!recovery->given_up)
        stop_waiting(scanning, recovery);
    free(recovery);
}

static void start_recovery(struct scanning *scanning, struct site *site,
                           struct finishing *finishing)
{
    struct recovery *recovery = mem_zalloc(sizeof *recovery);
    recovery->job.run = recovery_run;
    recovery->job.done = recovery_done;
    recovery->job.owner = scanning;
    recovery->finishing = finishing;
    if (site != NULL) {
        struct scanned *scanned = recovery->scanned = scanned_of(scanning, site);
        const struct strlist *only = site_only(site);
        recovery->number = ++scanned->recovery;
        recovery->root = root_hold(site_root(site));
        recovery->path = mem_strdup(site_place(site));
        strlist_add_all(&recovery->names, strlist_texts(only), only->len);
        recovery->next = scanned->recoveries;
        scanned->recoveries = recovery;
    }
    if (finishing != NULL)
        finishing->awaited++;
    scanning->store->recoveries++;
    job_start_on(site != NULL ? site_lane(site) : lanes_common(scanning->lanes), &recovery->job);
}

static bool is_looked_into(const struct site *site)
{
    return site_root(site) != NULL && !site_is_hidden(site);
}

void scanning_look_unfinished(struct scanning *scanning, struct site *site)
{
    for (struct site *each = roots_first(scanning->roots); each != NULL; each = site_next(each))
        if ((site == NULL || each == site) && is_looked_into(each))
            start_recovery(scanning, each, NULL);
}

static bool has_unfinished(struct scanning *scanning, const struct site *site)
{
    const struct store *store = scanning->store;
    for (size_t i = 0; i < store->roots_len; i++)
        if (store->roots[i].site == site && store_root_has_unfinished(store, &store->roots[i]))
            return true;
    return false;
}

void scanning_finish(struct scanning *scanning, void (*then)(void *arg), void *arg)
{
    struct finishing *finishing = mem_zalloc(sizeof *finishing);
    finishing->then = then;
    finishing->arg = arg;
    for (struct site *site = roots_first(scanning->roots); site != NULL; site = site_next(site))
        if (is_looked_into(site) && has_unfinished(scanning, site))
            start_recovery(scanning, site, finishing);
    if (finishing->awaited == 0)
        start_recovery(scanning, NULL, finishing);
}

/* Single caches looked at again, of each site one at a time, so that its lane stays
 * free for others. What is known from before is handed to the scan, which asks only
 * for what is new. Not so for a plan: how many links a blob has may change
 * without a trace in its directory, and a plan's bytes must be true. */

/* The first of the table is looked at, the others wait, in the order in which
 * they were asked for: uthash keeps that of insertion. */
struct rescan {
    UT_hash_handle hh; /* by the path */
    struct scanned *scanned;
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

static void start_next(struct scanned *scanned);

static void remove_first(struct scanned *scanned)
{
    struct rescan *rescan = scanned->rescans;
    HASH_DEL(scanned->rescans, rescan);
    rescan_free(rescan);
}

static void rescans_on_done(void *arg)
{
    struct rescan *rescan = arg;
    struct scanned *scanned = rescan->scanned;
    struct scanning *scanning = scanned->scanning;
    struct cache *cache = rescan->result;
    rescan->scan = NULL;
    rescan->result = NULL;
    put_cache(scanning, rescan->path, cache != NULL ? cache : cache_missing(rescan->path));
    if (rescan->again) {
        rescan->for_request = rescan->again_for_request;
        rescan->again = rescan->again_for_request = false;
    } else {
        remove_first(scanned);
    }
    start_next(scanned);
    scanning_note(scanning);
    hub_wake(scanning->hub);
}

static const struct scan_ops ops = {
    .on_cache = rescans_on_cache,
    .on_root = rescans_on_root,
    .on_done = rescans_on_done,
};

/* The first of the list runs. */
static void start_next(struct scanned *scanned)
{
    struct scanning *scanning = scanned->scanning;
    struct site *site = scanned->site;
    while (scanned->rescans != NULL && scanned->rescans->scan == NULL) {
        struct rescan *rescan = scanned->rescans;
        const struct service *row = store_service(scanning->store, rescan->path);
        const char *name = rescan->name;
        struct apart apart;
        if (site_root(site) != NULL) {
            roots_apart(scanning->roots, site, &apart);
            const struct scan_spec spec = {
                .root = site_root(site),
                .lane = site_lane(site),
                .names = &name,
                .names_len = 1,
                .apart = &apart,
                .marks = scanning->marks,
                .previous = row != NULL && !rescan->for_request ? row->cache : NULL,
            };
            rescan->scan = scan_start(&spec, &ops, rescan);
            free(apart.items);
            return;
        }
        rescans_on_root(rescan, site_err(site));
        struct cache *cache = rescan->result;
        rescan->result = NULL;
        put_cache(scanning, rescan->path, cache != NULL ? cache : cache_missing(rescan->path));
        remove_first(scanned);
    }
}

static void add(struct scanned *scanned, const char *path, bool for_request)
{
    struct rescan *rescan = mem_zalloc(sizeof *rescan);
    rescan->scanned = scanned;
    rescan->path = mem_strdup(path);
    rescan->name = mem_strdup(path_name(path));
    rescan->for_request = for_request;
    HASH_ADD_KEYPTR(hh, scanned->rescans, rescan->path, strlen(rescan->path), rescan);
}

void scanning_rescan(struct scanning *scanning, const char *path, bool for_request)
{
    struct site *site = hub_is_closing(scanning->hub) ? NULL : roots_site(scanning->roots, path);
    struct rescan *rescan;
    if (site == NULL)
        return;
    struct scanned *scanned = scanned_of(scanning, site);
    HASH_FIND_STR(scanned->rescans, path, rescan);
    if (rescan == NULL) {
        add(scanned, path, for_request);
    } else if (rescan->scan != NULL) {
        rescan->again = true;
        rescan->again_for_request |= for_request;
    } else {
        rescan->for_request |= for_request;
    }
    start_next(scanned);
    scanning_note(scanning);
}

bool scanning_is_waited_for(struct scanning *scanning)
{
    for (const struct scanned *scanned = scanning->sites; scanned != NULL; scanned = scanned->next)
        for (const struct rescan *rescan = site_is_silent(scanned->site) ? NULL : scanned->rescans;
             rescan != NULL; rescan = rescan->hh.next)
            if (rescan->for_request || rescan->again_for_request)
                return true;
    return false;
}

static void rescans_cancel(struct scanned *scanned)
{
    while (scanned->rescans != NULL) {
        if (scanned->rescans->scan != NULL)
            scan_cancel(scanned->rescans->scan);
        remove_first(scanned);
    }
}

/* -------------------------------------------------------- beginning and end */

struct scanning *scanning_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                              struct services *services, struct engines *engines,
                              struct disks *disks, bool marks, scanning_cache_cb *on_cache,
                              void *arg)
{
    struct scanning *scanning = mem_alloc(sizeof *scanning);
    *scanning = (struct scanning){
        .hub = hub,
        .store = hub_store(hub),
        .lanes = lanes,
        .roots = roots,
        .services = services,
        .engines = engines,
        .disks = disks,
        .marks = marks,
        .on_cache = on_cache,
        .arg = arg,
    };
    return scanning;
}

void scanning_cancel(struct scanning *scanning)
{
    for (struct scanned *scanned = scanning->sites; scanned != NULL; scanned = scanned->next) {
        if (scanned->scan != NULL)
            scan_cancel(scanned->scan);
        scanned->scan = NULL;
        rescans_cancel(scanned);
    }
}

void scanning_free(struct scanning *scanning)
{
    while (scanning->sites != NULL) {
        struct scanned *scanned = scanning->sites;
        scanning->sites = scanned->next;
        free(scanned);
    }
    free(scanning);
}
