/* The rows of the services. */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/store/store_private.h"

/* So many rows may go until all places are made right again. */
#define REMOVED_MAX 64

/* Where the row of an id is: a cache root may have very many. */
struct place {
    size_t row; /* when it was noted: since then it can only have moved up */
    UT_hash_handle hh; /* by the row's id */
};

struct service_places {
    struct place *table;
    size_t removed; /* rows, since all places were right */
};

static void service_done(struct service *service)
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

/* ------------------------------------------------------------------- by id */

static struct place *find_place(const struct store *store, const char *id)
{
    struct place *place = NULL;
    if (store->places != NULL)
        HASH_FIND_STR(store->places->table, id, place);
    return place;
}

static void note_place(struct store *store, size_t row)
{
    const char *id = store->services[row].id;
    struct place *place = mem_zalloc(sizeof *place);
    place->row = row;
    if (store->places == NULL)
        store->places = mem_zalloc(sizeof *store->places);
    HASH_ADD_KEYPTR(hh, store->places->table, id, strlen(id), place);
}

static void forget_place(struct store *store, struct place *place)
{
    HASH_DEL(store->places->table, place);
    free(place);
}

/* The rows are in another order. */
static void renew_places(struct store *store)
{
    for (size_t i = 0; i < store->services_len; i++)
        find_place(store, store->services[i].id)->row = i;
    if (store->places != NULL)
        store->places->removed = 0;
}

const struct service *store_service(const struct store *store, const char *id)
{
    const struct place *place = find_place(store, id);
    if (place == NULL)
        return NULL;
    size_t row = place->row < store->services_len ? place->row : store->services_len - 1;
    while (strcmp(store->services[row].id, id) != 0)
        row--;
    return &store->services[row];
}

struct service *store_get_service(struct store *store, const char *id)
{
    return (struct service *)store_service(store, id);
}

void store_services_done(struct store *store)
{
    struct place *place, *next;
    if (store->places != NULL)
        HASH_ITER(hh, store->places->table, place, next)
            forget_place(store, place);
    free(store->places);
    for (size_t i = 0; i < store->services_len; i++)
        service_done(&store->services[i]);
    free(store->services);
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
    struct service *found = store_get_service(store, id);
    if (found != NULL)
        return found;
    store->services = store_grow(store->services, &store->services_len, sizeof *store->services);
    found = &store->services[store->services_len - 1];
    found->id = mem_strdup(id);
    note_place(store, store->services_len - 1);
    return found;
}

void store_remove_service(struct store *store, const char *id)
{
    struct service *found = store_get_service(store, id);
    if (found == NULL)
        return;
    forget_place(store, find_place(store, id));
    service_done(found); /* `id` may be the row's own: dead from here on */
    store_close_gap(store->services, &store->services_len, (size_t)(found - store->services),
                    sizeof *found);
    if (++store->places->removed == REMOVED_MAX)
        renew_places(store);
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
    renew_places(store);
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

/* As paths lie in each other: what is below a directory comes right behind it. */
static int by_path(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a;
    const unsigned char *y = *(const unsigned char *const *)b;
    while (*x == *y && *x != '\0') {
        x++;
        y++;
    }
    int left = *x == '/' ? 1 : *x == '\0' ? 0 : *x + 1;
    int right = *y == '/' ? 1 : *y == '\0' ? 0 : *y + 1;
    return left - right;
}

static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);
    return strncmp(path, above, len) == 0 && path[len] == '/';
}

static int64_t size_of(const struct store *store, const char *path)
{
    for (size_t i = 0; i < store->services_len; i++)
        if (store->services[i].cache != NULL &&
            strcmp(store->services[i].cache->path, path) == 0)
            return store->services[i].cache->size_bytes;
    return 0;
}

int64_t store_nested_size(const struct store *store)
{
    const char **paths = mem_alloc((store->services_len + 1) * sizeof *paths);
    int64_t size = 0;
    size_t len = 0, top = 0;
    for (size_t i = 0; i < store->services_len; i++)
        if (store->services[i].cache != NULL && store->services[i].cache->size_bytes > 0)
            paths[len++] = store->services[i].cache->path;
    if (len > 0)
        qsort(paths, len, sizeof *paths, by_path);
    for (size_t i = 1; i < len; i++) {
        if (is_below(paths[i], paths[top]))
            size += size_of(store, paths[i]);
        else
            top = i;
    }
    free(paths);
    return size;
}

int64_t store_caches_size(const struct store *store)
{
    struct linked *links = NULL;
    size_t len = 0, cap = 0;
    int64_t size = -store_nested_size(store);
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
