/* Follows changes of sites and caches, so that nothing is looked at on a timer.
 *
 * A whole site is watched for its list, each cache for its content. Of a site that
 * has single caches only these are: their directory may be /tmp. What is not there
 * yet is awaited where the nearest directory above it is. */

#include "core/app/watching.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/base/mem.h"
#include "core/base/path.h"

/* ------------------------------------------------- the list of directories */

static bool is_known(const struct bilge *bilge, const char *path)
{
    const struct service *row = store_service(bilge->store, path);
    return row != NULL && row->cache != NULL && row->cache->state != CACHE_MISSING;
}

static void rescan_new(struct site *site, const struct strlist *names)
{
    for (size_t i = 0; i < names->len; i++) {
        char *path = path_join(site->place, names->items[i]);
        if (!is_known(site->bilge, path))
            caches_rescan(site->bilge, path, false);
        free(path);
    }
}

static void rescan_gone(struct site *site, const struct strlist *names)
{
    const struct store *store = site->bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->path != NULL && is_known(site->bilge, row->path) &&
            roots_site(site->bilge, row->path) == site &&
            !strlist_find(names, path_name(row->path)))
            caches_rescan(site->bilge, row->path, false);
    }
}

void watching_compare(struct site *site, struct strlist *names, bool whole_list)
{
    if (site->root == NULL || site->hidden)
        return;
    strlist_sort(names);
    rescan_new(site, names);
    if (whole_list)
        rescan_gone(site, names);
}

/* ---------------------------------------------------------------- watching */

static void on_change(void *arg, const char *name, bool layout)
{
    struct site *site = arg;
    struct bilge *bilge = site->bilge;
    if (name == NULL) {
        roots_look(site, true);
        return;
    }
    /* A directory that is no cache may be large and never at rest: it is counted
     * again on request, or when it has become one. */
    char *path = path_join(site->place, name);
    const struct service *row = store_service(bilge->store, path);
    bool foreign = row != NULL && row->cache != NULL && row->cache->state == CACHE_FOREIGN;
    if (!foreign || layout)
        caches_rescan(bilge, path, false);
    free(path);
}

void watching_site(struct site *site)
{
    struct bilge *bilge = site->bilge;
    if (!bilge->watching || site->kind == SITE_OUTSIDE || !site->found)
        return;
    if (site->watch == NULL)
        site->watch = watch_new(bilge->loop, site->lane, on_change, site);
    if (site->root == NULL) {
        watch_wait(site->watch, site->given);
        return;
    }
    watch_enter(site->watch, site->root);
    if (site->only.len == 0 && !site->hidden)
        watch_add_list(site->watch);
    for (size_t i = 0; i < site->only.len; i++) {
        char *path = path_join(site->place, site->only.items[i]);
        if (!is_known(bilge, path))
            watch_add_coming(site->watch, site->only.items[i]);
        free(path);
    }
}

void watching_cache(struct site *site, const struct cache *cache)
{
    const char *name = cache->name;
    if (site->watch == NULL)
        return;
    if (cache->state != CACHE_MISSING) {
        watch_add_cache(site->watch, name, cache->scanned_at);
        watch_remove_coming(site->watch, name);
    } else {
        watch_remove_cache(site->watch, name);
        if (strlist_has(&site->only, name))
            watch_add_coming(site->watch, name);
    }
}
