/* The rows of the services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/text.h"
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

void service_free_users(struct service *service)
{
    for (size_t i = 0; i < service->users_len; i++) {
        free(service->users[i].name);
        free(service->users[i].tag);
    }
    free(service->users);
    service->users = NULL;
    service->users_len = 0;
}

static void service_done(struct service *service)
{
    free(service->id);
    free(service->name);
    free(service->path);
    free(service->busy_sign);
    for (size_t i = 0; i < service->same_path_len; i++)
        free(service->same_path[i]);
    free(service->same_path);
    service_free_users(service);
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

/* Single caches of one place have the same. */
static bool is_said(const struct store *store, size_t root)
{
    for (size_t i = 0; i < root; i++)
        if (store->roots[i].error != NULL &&
            strcmp(store->roots[i].error, store->roots[root].error) == 0)
            return true;
    return false;
}

const char *store_next_root_error(const struct store *store, size_t *at)
{
    while (*at < store->roots_len) {
        size_t root = (*at)++;
        if (store->roots[root].error != NULL && !is_said(store, root))
            return store->roots[root].error;
    }
    return NULL;
}

int store_no_service(const struct store *store, const char *name, struct err *err)
{
    const char *unread = store_unread(store);
    if (unread == NULL)
        return err_set(err, ERR_USAGE, "no such service: %s", name);
    return err_set(err, -EIO, "cannot tell whether there is a service %s: %s", name, unread);
}

const char *service_busy_sign(const struct service *service)
{
    if (service->busy_sign != NULL)
        return service->busy_sign;
    if (service->cache == NULL || service->cache->state != CACHE_BUSY)
        return NULL;
    return service->cache->busy_sign != NULL ? service->cache->busy_sign : "it is in use";
}

/* ------------------------------------------------------- whose directory it is */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct known_cache *)a)->path, ((const struct known_cache *)b)->path);
}

static int by_file(const void *a, const void *b)
{
    const struct known_cache *x = *(const struct known_cache *const *)a,
                             *y = *(const struct known_cache *const *)b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

void known_caches_free(struct known_cache *known, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(known[i].path);
        free(known[i].project);
        free(known[i].file);
    }
    free(known);
}

void store_known_done(struct store *store)
{
    known_caches_free(store->known, store->known_len);
    free(store->known_by_file);
    free(store->known_error);
    store->known_error = NULL;
}

void store_set_known(struct store *store, struct known_cache *takes, size_t len,
                     const char *error)
{
    store_known_done(store);
    store->known = takes;
    store->known_len = len;
    store->known_by_file = mem_alloc((len + 1) * sizeof(const struct known_cache *));
    if (len > 0)
        qsort(takes, len, sizeof *takes, by_path);
    for (size_t i = 0; i < len; i++)
        store->known_by_file[i] = &takes[i];
    if (len > 0)
        qsort(store->known_by_file, len, sizeof(const struct known_cache *), by_file);
    store->known_load = error == NULL ? LOAD_DONE : LOAD_FAILED;
    mem_replace(&store->known_error, error);
    store_touch(store);
}

bool service_user_shares(const struct service *row, const struct service_user *user)
{
    bool written = false;
    for (size_t i = 0; i < row->users_len && !written; i++)
        written = row->users[i].writes;
    return user->writes || !written;
}

bool service_only_reads(const struct service *row, size_t index)
{
    bool only = !service_user_shares(row, &row->users[index]);
    for (size_t i = 0; i < row->users_len && only; i++)
        if (i != index && strcmp(row->users[i].name, row->users[index].name) == 0)
            only = i > index && !service_user_shares(row, &row->users[i]);
    return only;
}

bool service_is_outside(const struct store *store, const struct service *service)
{
    return store->project != NULL && !service->in_project;
}

/* The same directory may have other names, by bind mounts and links. */
const struct known_cache *service_known_as(const struct store *store,
                                           const struct service *service)
{
    if (service->path == NULL || store->known_len == 0)
        return NULL;
    const struct cache *cache = service->cache;
    struct known_cache wanted = {.path = service->path}, *key = &wanted;
    const struct known_cache *found =
        bsearch(&wanted, store->known, store->known_len, sizeof wanted, by_path);
    if (found != NULL || cache == NULL || cache->ino == 0)
        return found;
    wanted.dev = cache->dev;
    wanted.ino = cache->ino;
    const struct known_cache *const *other =
        bsearch(&key, store->known_by_file, store->known_len, sizeof key, by_file);
    return other != NULL ? *other : NULL;
}

static bool is_sound(const struct cache *cache)
{
    return (cache->state == CACHE_OK || cache->state == CACHE_BUSY ||
            cache->state == CACHE_EMPTY) &&
           cache->error == NULL;
}

bool service_is_abandoned(const struct store *store, const struct service *service, int64_t now)
{
    const struct cache *cache = service->cache;
    if (service->in_project || cache == NULL || !is_sound(cache) ||
        store->known_load != LOAD_DONE || service_known_as(store, service) != NULL)
        return false;
    int64_t limit = now - store->abandoned_after_s * CLOCK_SECOND;
    int64_t at = cache->last_export_at <= limit ? cache_written_at(cache) : now;
    return at > 0 && at < now && (now - at) / CLOCK_SECOND >= store->abandoned_after_s;
}

bool service_say_standing(const struct store *store, const struct service *service, int64_t now,
                          struct buf *buf)
{
    char age[TEXT_AGE_SIZE];
    if (service_is_abandoned(store, service, now))
        buf_printf(buf, "abandoned (%s)",
                   text_age(age, (now - cache_written_at(service->cache)) / CLOCK_SECOND));
    else if (service_is_outside(store, service))
        buf_append_str(buf, "not in this project");
    else
        return false;
    return true;
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
