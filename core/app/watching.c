/* Follows changes of sites and caches, so that nothing is looked at on a timer.
 *
 * A whole site is watched for its list, each cache for its content. Of a site that
 * has single caches only these are: their directory may be /tmp. What is not there
 * yet is awaited where the nearest directory above it is. */
#include "core/app/watching.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/watch.h"

struct watched {
    struct watched *next;
    struct watching *watching;
    struct site *site;
    struct watch *watch; /* NULL: not followed yet */
};

struct watching {
    struct hub *hub;
    struct store *store;
    struct roots *roots;
    struct scanning *scanning;
    bool wanted;
    struct watched *sites;
};

static struct watched *watched_of(struct watching *watching, struct site *site)
{
    struct watched **at = &watching->sites;
    while (*at != NULL && (*at)->site != site)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = mem_zalloc(sizeof **at);
        (*at)->watching = watching;
        (*at)->site = site;
    }
    return *at;
}

/* ------------------------------------------------- the list of directories */

static bool is_known(const struct watching *watching, const char *path)
{
    const struct service *row = store_service(watching->store, path);
    return row != NULL && row->cache != NULL && row->cache->state != CACHE_MISSING;
}

static void rescan_new(struct watching *watching, const struct site *site,
                       const struct strlist *names)
{
    for (size_t i = 0; i < names->len; i++) {
        char *path = path_join(site_place(site), names->items[i]);
        if (!is_known(watching, path))
            scanning_rescan(watching->scanning, path, false);
        free(path);
    }
}

static void rescan_gone(struct watching *watching, const struct site *site,
                        const struct strlist *names)
{
    const struct store *store = watching->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->path != NULL && is_known(watching, row->path) &&
            roots_site(watching->roots, row->path) == site &&
            !strlist_find(names, path_name(row->path)))
            scanning_rescan(watching->scanning, row->path, false);
    }
}

void watching_compare(struct watching *watching, struct site *site, struct strlist *names,
                      bool whole_list)
{
    if (site_root(site) == NULL || site_is_hidden(site))
        return;
    strlist_sort(names);
    rescan_new(watching, site, names);
    if (whole_list)
        rescan_gone(watching, site, names);
}

/* ---------------------------------------------------------------- watching */

static void on_change(void *arg, const char *name, bool layout)
{
    struct watched *watched = arg;
    struct watching *watching = watched->watching;
    if (name == NULL) {
        roots_list(watched->site);
        return;
    }
    /* A directory that is no cache may be large and never at rest: it is counted
     * again on request, or when it has become one. */
    char *path = path_join(site_place(watched->site), name);
    const struct service *row = store_service(watching->store, path);
    bool foreign = row != NULL && row->cache != NULL && row->cache->state == CACHE_FOREIGN;
    if (!foreign || layout)
        scanning_rescan(watching->scanning, path, false);
    free(path);
}

static void watch_site(struct watching *watching, struct site *site)
{
    struct watched *watched = watched_of(watching, site);
    const struct strlist *only = site_only(site);
    if (site_is_outside(site) || !site_is_found(site))
        return;
    if (watched->watch == NULL)
        watched->watch = watch_new(hub_loop(watching->hub), site_lane(site), on_change, watched);
    if (site_root(site) == NULL) {
        watch_wait(watched->watch, site_given(site));
        return;
    }
    watch_enter(watched->watch, site_root(site));
    if (only->len == 0 && !site_is_hidden(site))
        watch_add_list(watched->watch);
    for (size_t i = 0; i < only->len; i++) {
        char *path = path_join(site_place(site), only->items[i]);
        if (!is_known(watching, path))
            watch_add_coming(watched->watch, only->items[i]);
        free(path);
    }
}

void watching_sites(struct watching *watching)
{
    struct site *site = watching->wanted ? roots_first(watching->roots) : NULL;
    for (; site != NULL; site = site_next(site))
        watch_site(watching, site);
}

void watching_cache(struct watching *watching, struct site *site, const struct cache *cache)
{
    struct watch *watch = watched_of(watching, site)->watch;
    const char *name = cache->name;
    if (watch == NULL)
        return;
    if (cache->state != CACHE_MISSING) {
        watch_add_cache(watch, name, cache->scanned_at, cache->mark);
        watch_remove_coming(watch, name);
    } else {
        watch_remove_cache(watch, name);
        if (strlist_has(site_only(site), name))
            watch_add_coming(watch, name);
    }
}

/* -------------------------------------------------------- beginning and end */

struct watching *watching_new(struct hub *hub, struct roots *roots, struct scanning *scanning,
                              bool wanted)
{
    struct watching *watching = mem_zalloc(sizeof *watching);
    watching->hub = hub;
    watching->store = hub_store(hub);
    watching->roots = roots;
    watching->scanning = scanning;
    watching->wanted = wanted;
    return watching;
}

void watching_cancel(struct watching *watching)
{
    for (struct watched *watched = watching->sites; watched != NULL; watched = watched->next) {
        watch_free(watched->watch);
        watched->watch = NULL;
    }
}

void watching_free(struct watching *watching)
{
    while (watching->sites != NULL) {
        struct watched *watched = watching->sites;
        watching->sites = watched->next;
        free(watched);
    }
    free(watching);
}
