/* The rows of the services. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/store_private.h"

void store_service_done(struct service *service)
{
    free(service->id);
    free(service->name);
    free(service->path);
    free(service->busy_sign);
    for (size_t i = 0; i < service->same_path_len; i++)
        free(service->same_path[i]);
    free(service->same_path);
    cache_free(service->cache);
}

const struct service *store_service(const struct store *store, const char *id)
{
    for (size_t i = 0; i < store->services_len; i++)
        if (strcmp(store->services[i].id, id) == 0)
            return &store->services[i];
    return NULL;
}

const struct service *store_service_named(const struct store *store, const char *name,
                                          size_t *ret_count)
{
    const struct service *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        if (service->name == NULL || strcmp(service->name, name) != 0)
            continue;
        if (count++ == 0)
            first = service;
    }
    if (ret_count != NULL)
        *ret_count = count;
    return first;
}

const char *service_busy_sign(const struct service *service)
{
    if (service->busy_sign != NULL)
        return service->busy_sign;
    if (service->cache == NULL || service->cache->state != CACHE_BUSY)
        return NULL;
    return service->cache->busy_sign != NULL ? service->cache->busy_sign : "it is in use";
}

struct service *store_put_service(struct store *store, const char *id)
{
    store_touch(store);
    struct service *found = (struct service *)store_service(store, id);
    if (found != NULL)
        return found;
    store->services = store_grow(store->services, &store->services_len, sizeof *store->services);
    found = &store->services[store->services_len - 1];
    found->id = mem_strdup(id);
    return found;
}

void store_remove_service(struct store *store, const char *id)
{
    struct service *found = (struct service *)store_service(store, id);
    if (found == NULL)
        return;
    store_service_done(found); /* `id` may be the row's own: dead from here on */
    store_close_gap(store->services, &store->services_len, (size_t)(found - store->services),
                    sizeof *found);
    store_touch(store);
}

void store_set_cache(struct store *store, const char *id, struct cache *takes)
{
    struct service *service = store_put_service(store, id);
    if (service->cache != takes)
        cache_free(service->cache);
    service->cache = takes;
    service->load = LOAD_DONE;
}

/* What the rows are sorted by, made once for each. */
struct rank {
    size_t place; /* in the project; behind all of them: not in it */
    struct service service;
};

static int by_rank(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    int order = strcmp(a->service.name != NULL ? a->service.name : "",
                       b->service.name != NULL ? b->service.name : "");
    return order != 0 ? order : strcmp(a->service.id, b->service.id);
}

static size_t place_in_project(const struct store *store, const struct service *service)
{
    size_t len = store->project != NULL && service->in_project ? store->project->services_len : 0;
    for (size_t i = 0; i < len; i++)
        if (strcmp(store->project->services[i].name, service->name) == 0)
            return i;
    return SIZE_MAX;
}

void store_sort_services(struct store *store)
{
    struct rank *ranks = mem_alloc(store->services_len * sizeof *ranks);
    for (size_t i = 0; i < store->services_len; i++) {
        ranks[i].service = store->services[i];
        ranks[i].place = place_in_project(store, &store->services[i]);
    }
    qsort(ranks, store->services_len, sizeof *ranks, by_rank);
    for (size_t i = 0; i < store->services_len; i++)
        store->services[i] = ranks[i].service;
    free(ranks);
    store_touch(store);
}

struct linked {
    uint64_t dev, ino;
    size_t cache;
    int64_t bytes;
};

static int by_inode(const void *a, const void *b)
{
    const struct linked *x = a, *y = b;
    int order = (x->dev > y->dev) - (x->dev < y->dev);
    if (order == 0)
        order = (x->ino > y->ino) - (x->ino < y->ino);
    return order != 0 ? order : (x->cache > y->cache) - (x->cache < y->cache);
}

int64_t store_caches_size(const struct store *store)
{
    struct linked *links = NULL;
    size_t len = 0, cap = 0;
    int64_t size = 0;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct cache *cache = store->services[i].cache;
        size += cache != NULL ? cache->size_bytes : 0;
        for (size_t j = 0; cache != NULL && cache->shared_bytes > 0 && j < cache->blobs_len; j++) {
            const struct cache_blob *blob = &cache->blobs[j];
            if (blob->nlink < 2)
                continue;
            mem_reserve((void **)&links, &cap, len + 1, sizeof *links);
            links[len++] = (struct linked){cache->dev, blob->ino, i, blob->allocated_bytes};
        }
    }
    if (len > 0)
        qsort(links, len, sizeof *links, by_inode);
    for (size_t i = 1; i < len; i++)
        if (links[i].dev == links[i - 1].dev && links[i].ino == links[i - 1].ino &&
            links[i].cache != links[i - 1].cache)
            size -= links[i].bytes;
    free(links);
    return size;
}
