#include "core/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hashtable.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/description.h"
#include "core/store/leaks.h"

/* what its halves share. */

static void store_services_done(struct store *store);
static void store_known_done(struct store *store);
static void store_builder_done(struct builder *builder);
static void store_builds_done(struct store *store);

struct store *store_new(void)
{
    struct store *store = mem_zalloc(sizeof *store);
    store->abandoned_after_s = ABANDONED_AFTER_S;
    return store;
}

static void root_done(struct cache_root *root)
{
    free(root->path);
    free(root->only);
    free(root->error);
}

static void prune_done(struct prune_status *prune)
{
    for (size_t i = 0; i < prune->failures_len; i++) {
        free(prune->failures[i].id);
        free(prune->failures[i].error);
    }
    free(prune->failures);
    *prune = (struct prune_status){0};
}

static void layer_texts_free(struct layer_text *texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(texts[i].text);
    free(texts);
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_services_done(store);
    store_known_done(store);
    for (size_t i = 0; i < store->builders_len; i++)
        store_builder_done(&store->builders[i]);
    store_clear_roots(store);
    store_builds_done(store);
    store_clear_disks(store);
    prune_done(&store->prune);
    unfinished_done(&store->unfinished);
    unfinished_done(&store->finished);
    compose_project_free(store->project);
    free(store->project_error);
    free(store->history_error);
    free(store->builders_error);
    free(store->building_client);
    layer_texts_free(store->layer_texts, store->layer_texts_len);
    docker_contexts_free(store->contexts, store->contexts_len);
    free(store->builders);
    free(store);
}

void store_touch(struct store *store)
{
    store->revision++;
}

/* One zeroed element more, at the end: returns the array. They are short and
 * rarely grow. */
static void *store_grow(void *items, size_t *len, size_t item_size)
{
    char *grown = mem_realloc(items, (*len + 1) * item_size);
    memset(grown + *len * item_size, 0, item_size);
    ++*len;
    return grown;
}

/* The element at `index` is done with: those behind it move up. */
static void store_close_gap(void *items, size_t *len, size_t index, size_t item_size)
{
    char *gap = (char *)items + index * item_size;
    --*len;
    memmove(gap, gap + item_size, (*len - index) * item_size);
}

struct cache_root *store_put_root(struct store *store, const char *path, const char *only)
{
    store_touch(store);
    for (size_t i = 0; i < store->roots_len; i++) {
        struct cache_root *root = &store->roots[i];
        bool same_only =
            root->only == NULL || only == NULL ? root->only == only : strcmp(root->only, only) == 0;
        if (same_only && strcmp(root->path, path) == 0)
            return root;
    }
    store->roots = store_grow(store->roots, &store->roots_len, sizeof *store->roots);
    struct cache_root *root = &store->roots[store->roots_len - 1];
    root->path = mem_strdup(path);
    mem_replace(&root->only, only);
    return root;
}

void store_clear_roots(struct store *store)
{
    for (size_t i = 0; i < store->roots_len; i++)
        root_done(&store->roots[i]);
    free(store->roots);
    store->roots = NULL;
    store->roots_len = 0;
    store_touch(store);
}

void store_set_project(struct store *store, struct compose_project *takes)
{
    compose_project_free(store->project);
    store->project = takes;
    store_touch(store);
}

void store_set_layer_texts(struct store *store, struct layer_text *takes, size_t len)
{
    layer_texts_free(store->layer_texts, store->layer_texts_len);
    store->layer_texts = takes;
    store->layer_texts_len = len;
    store_touch(store);
}

int layer_text_compare(const void *a, const void *b)
{
    const struct layer_text *x = a, *y = b;
    return (x->created_at > y->created_at) - (x->created_at < y->created_at);
}

const char *store_layer_text(const struct store *store, int64_t created_at)
{
    const struct layer_text wanted = {.created_at = created_at};
    const struct layer_text *found =
        store->layer_texts_len > 0 ? bsearch(&wanted, store->layer_texts, store->layer_texts_len,
                                             sizeof wanted, layer_text_compare)
                                   : NULL;
    return found != NULL ? found->text : NULL;
}

static bool is_of(const struct unfinished *item, const char *root, const char *only)
{
    bool same =
        item->only == NULL || only == NULL ? item->only == only : strcmp(item->only, only) == 0;
    return same && strcmp(item->root, root) == 0;
}

const struct cache_root *store_root_of(const struct store *store, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    for (size_t i = 0; slash != NULL && i < store->roots_len; i++) {
        const struct cache_root *root = &store->roots[i];
        size_t root_len = strcmp(root->path, "/") == 0 ? 0 : strlen(root->path);
        if (root_len == len && strncmp(root->path, path, len) == 0 &&
            (root->only == NULL || strcmp(root->only, slash + 1) == 0))
            return root;
    }
    return NULL;
}

bool store_root_has_unfinished(const struct store *store, const struct cache_root *root)
{
    for (size_t i = 0; i < store->unfinished.len; i++)
        if (store->unfinished.items[i].kind != UNFINISHED_FOREIGN &&
            is_of(&store->unfinished.items[i], root->path, root->only))
            return true;
    return false;
}

bool store_has_unfinished(const struct store *store)
{
    for (size_t i = 0; i < store->unfinished.len; i++)
        if (store->unfinished.items[i].kind != UNFINISHED_FOREIGN)
            return true;
    return false;
}

static void add_all(struct unfinished_list *list, struct unfinished_list *takes)
{
    for (size_t i = 0; i < takes->len; i++) {
        mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
        list->items[list->len++] = takes->items[i];
    }
    free(takes->items);
}

void store_set_unfinished(struct store *store, const char *root, const char *only,
                          struct unfinished_list *takes)
{
    struct unfinished_list kept = {0}, old = {0}, *known = &store->unfinished;
    for (size_t i = 0; i < known->len; i++) {
        struct unfinished_list *list = is_of(&known->items[i], root, only) ? &old : &kept;
        mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
        list->items[list->len++] = known->items[i];
    }
    free(known->items);
    *known = kept;
    unfinished_done(&old);
    add_all(known, takes);
    store_touch(store);
}

void store_add_finished(struct store *store, struct unfinished_list *takes)
{
    add_all(&store->finished, takes);
    store_touch(store);
}

void store_start_prune(struct store *store, size_t items, int64_t planned_bytes)
{
    prune_done(&store->prune);
    store->prune.state = PRUNE_RUNNING;
    store->prune.items = items;
    store->prune.planned_bytes = planned_bytes;
    store_touch(store);
}

void store_add_failure(struct store *store, const char *id, const char *error)
{
    struct prune_status *prune = &store->prune;
    prune->failures = store_grow(prune->failures, &prune->failures_len, sizeof *prune->failures);
    struct prune_failure *failure = &prune->failures[prune->failures_len - 1];
    failure->id = mem_strdup(id);
    failure->error = mem_strdup(error);
    store_touch(store);
}

const char *store_unread(const struct store *store)
{
    for (size_t i = 0; i < store->roots_len; i++)
        if (store->roots[i].load == LOAD_FAILED)
            return store->roots[i].error;
    return store->project_load == LOAD_FAILED && !store->project_absent ? store->project_error
                                                                        : NULL;
}

bool store_gathered(const struct store *store)
{
    bool pending = store->scanning || store->project_load == LOAD_PENDING ||
                   store->recipes_load == LOAD_PENDING || store->builders_load == LOAD_PENDING ||
                   store->disks_awaited;
    for (size_t i = 0; i < store->roots_len && !pending; i++)
        pending = store->roots[i].load == LOAD_PENDING;
    for (size_t i = 0; i < store->builders_len && !pending; i++)
        pending = store->builders[i].load == LOAD_PENDING;
    for (size_t i = 0; i < store->services_len && !pending; i++)
        pending = store->services[i].load == LOAD_PENDING;
    return !pending;
}

bool store_settled(const struct store *store)
{
    return store_gathered(store) && store->history_load != LOAD_PENDING &&
           store->known_load != LOAD_PENDING && store->recoveries == 0;
}

/* The rows of the services. */

/* So many rows may go until all places are made right again. */
#define REMOVED_MAX 64

/* Where the row of an id is: a cache root may have very many. */
struct place {
    size_t row;        /* when it was noted: since then it can only have moved up */
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

/* Free what they hold. */
static void store_services_done(struct store *store)
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

static void store_known_done(struct store *store)
{
    known_caches_free(store->known, store->known_len);
    free(store->known_by_file);
    free(store->known_error);
    store->known_error = NULL;
}

void store_set_known(struct store *store, struct known_cache *takes, size_t len, const char *error)
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
const struct known_cache *service_known_as(const struct store *store, const struct service *service)
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
    /* A project that is here and could not be read may name it. */
    if (store->project_load == LOAD_FAILED && !store->project_absent)
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

/* As paths lie in each other: what is below a directory comes right behind it. */
static int by_nesting(const void *a, const void *b)
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
        if (store->services[i].cache != NULL && strcmp(store->services[i].cache->path, path) == 0)
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
        qsort(paths, len, sizeof *paths, by_nesting);
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

static /* Builders, docker's contexts, and whose the records are. */

    void
    store_builder_done(struct builder *builder)
{
    free(builder->id);
    free(builder->name);
    free(builder->driver);
    free(builder->endpoint);
    free(builder->version);
    free(builder->api_version);
    free(builder->error);
    records_free(&builder->records);
    owners_done(&builder->owners);
    strlist_done(&builder->leaked);
    free(builder->running_build);
    builder_nodes_free(builder->nodes, builder->nodes_len);
}

const struct builder *store_builder(const struct store *store, const char *id)
{
    for (size_t i = 0; i < store->builders_len; i++)
        if (strcmp(store->builders[i].id, id) == 0)
            return &store->builders[i];
    return NULL;
}

const struct builder *store_selected_builder(const struct store *store)
{
    for (size_t i = 0; i < store->builders_len; i++)
        if (store->builders[i].selected)
            return &store->builders[i];
    return store->builders_len > 0 ? &store->builders[0] : NULL;
}

struct builder *store_put_builder(struct store *store, const char *id)
{
    store_touch(store);
    struct builder *found = (struct builder *)store_builder(store, id);
    if (found != NULL)
        return found;
    store->builders = store_grow(store->builders, &store->builders_len, sizeof *store->builders);
    found = &store->builders[store->builders_len - 1];
    found->id = mem_strdup(id);
    found->name = mem_strdup(id);
    return found;
}

void store_remove_builder(struct store *store, const char *id)
{
    struct builder *found = (struct builder *)store_builder(store, id);
    if (found == NULL)
        return;
    store_builder_done(found);
    store_close_gap(store->builders, &store->builders_len, (size_t)(found - store->builders),
                    sizeof *found);
    store_touch(store);
}

void store_set_nodes(struct store *store, const char *builder, struct builder_node *takes,
                     size_t len)
{
    struct builder *found = store_put_builder(store, builder);
    builder_nodes_free(found->nodes, found->nodes_len);
    found->nodes = takes;
    found->nodes_len = len;
    store_touch(store);
}

bool store_has_context(const struct store *store, const char *name)
{
    for (size_t i = 0; i < store->contexts_len; i++)
        if (strcmp(store->contexts[i].name, name) == 0)
            return true;
    return false;
}

void store_set_contexts(struct store *store, struct docker_context *takes, size_t len)
{
    docker_contexts_free(store->contexts, store->contexts_len);
    store->contexts = takes;
    store->contexts_len = len;
    store_touch(store);
}

void store_set_records(struct store *store, const char *builder, struct records *takes)
{
    struct builder *found = store_put_builder(store, builder);
    records_free(&found->records);
    owners_done(&found->owners);
    found->records = *takes;
    *takes = (struct records){0};
    leaks_mark(found);
    found->refreshed_at = clock_now();
    found->load = LOAD_DONE;
    found->reachable = true;
    mem_replace(&found->error, NULL);
}

struct owners store_find_owners(const struct store *store, const struct records *records)
{
    struct owners_cache *caches = mem_alloc((store->services_len + 1) * sizeof *caches);
    const char **texts = mem_alloc((records->len + 1) * sizeof *texts);
    struct owners_sources sources = {
        .caches = caches,
        .project = store->project,
        .past = store->past,
        .past_len = store->past_len,
        .texts = texts,
    };
    for (size_t i = 0; i < store->services_len; i++)
        if (store->services[i].cache != NULL && store->services[i].name != NULL)
            caches[sources.caches_len++] =
                (struct owners_cache){store->services[i].name, store->services[i].cache};
    for (size_t i = 0; i < records->len; i++)
        texts[i] = record_text(store, &records->items[i]);
    struct owners owners = owners_find(records, &sources);
    free(caches);
    free(texts);
    return owners;
}

/* Builds of this run, and those that are remembered. */

static void step_times_clear(struct store *store)
{
    for (size_t i = 0; i < store->step_times_len; i++)
        free(store->step_times[i].instruction);
    free(store->step_times);
}

static void store_builds_done(struct store *store)
{
    for (size_t i = 0; i < store->builds_len; i++)
        build_free(store->builds[i]);
    free(store->builds);
    history_builds_free(store->past, store->past_len);
    history_builds_free(store->elsewhere, store->elsewhere_len);
    step_times_clear(store);
}

const struct build *store_build(const struct store *store, uint64_t id)
{
    for (size_t i = store->builds_len; i-- > 0;)
        if (store->builds[i]->id == id)
            return store->builds[i];
    return NULL;
}

const struct build *store_last_build(const struct store *store, const char *service)
{
    const struct build *waiting = NULL;
    for (size_t i = store->builds_len; i-- > 0;) {
        const struct build *build = store->builds[i];
        if (!build_has_service(build, service))
            continue;
        if (build->state != BUILD_QUEUED)
            return build;
        waiting = build;
    }
    return waiting;
}

static bool has_begun(const struct build *build)
{
    return build->state != BUILD_QUEUED;
}

/* Is there a build newer than builds[index] of this service? */
static bool built_since(const struct store *store, size_t index, const char *service)
{
    for (size_t i = index + 1; i < store->builds_len; i++)
        if (has_begun(store->builds[i]) && build_has_service(store->builds[i], service))
            return true;
    return false;
}

static bool all_built_since(const struct store *store, size_t index)
{
    for (size_t i = index + 1; i < store->builds_len; i++)
        if (has_begun(store->builds[i]) && store->builds[i]->services_len == 0)
            return true;
    return false;
}

static bool is_superseded(const struct store *store, size_t index)
{
    const struct build *build = store->builds[index];
    if (!build_is_over(build))
        return false;
    if (build->services_len == 0)
        return all_built_since(store, index);
    for (size_t i = 0; i < build->services_len; i++)
        if (!built_since(store, index, build->services[i]))
            return false;
    return true;
}

static void remove_build(struct store *store, size_t index)
{
    build_free(store->builds[index]);
    store_close_gap(store->builds, &store->builds_len, index, sizeof(struct build *));
}

void store_tidy_builds(struct store *store)
{
    for (size_t i = store->builds_len; i-- > 0;)
        if (is_superseded(store, i))
            remove_build(store, i);
    store_touch(store);
}

void store_add_build(struct store *store, struct build *takes)
{
    store->builds = store_grow(store->builds, &store->builds_len, sizeof(struct build *));
    store->builds[store->builds_len - 1] = takes;
    store_tidy_builds(store);
}

void store_remove_build(struct store *store, uint64_t id)
{
    for (size_t i = store->builds_len; i-- > 0;)
        if (store->builds[i]->id == id)
            remove_build(store, i);
    store_touch(store);
}

const struct history_build *store_past_build(const struct store *store, const char *service)
{
    for (size_t i = 0; i < store->past_len; i++)
        if (strcmp(store->past[i].service, service) == 0 &&
            !history_build_is_bench(&store->past[i]))
            return &store->past[i];
    return NULL;
}

void store_set_past(struct store *store, struct history_build *takes, size_t len)
{
    history_builds_free(store->past, store->past_len);
    store->past = takes;
    store->past_len = len;
    store_touch(store);
}

void store_set_elsewhere(struct store *store, struct history_build *takes, size_t len)
{
    history_builds_free(store->elsewhere, store->elsewhere_len);
    store->elsewhere = takes;
    store->elsewhere_len = len;
    store_touch(store);
}

void store_set_step_times(struct store *store, struct history_step_time *takes, size_t len)
{
    step_times_clear(store);
    store->step_times = takes;
    store->step_times_len = len;
}

/* Disks, and what is said of them. */

struct disk *store_put_disk(struct store *store, uint64_t dev, const char *path)
{
    store_touch(store);
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].dev == dev)
            return &store->disks[i];
    store->disks = store_grow(store->disks, &store->disks_len, sizeof *store->disks);
    struct disk *disk = &store->disks[store->disks_len - 1];
    disk->dev = dev;
    disk->path = mem_strdup(path);
    return disk;
}

void store_clear_disks(struct store *store)
{
    for (size_t i = 0; i < store->disks_len; i++) {
        free(store->disks[i].path);
        free(store->disks[i].mount);
        free(store->disks[i].day);
        free(store->disks[i].week);
    }
    free(store->disks);
    store->disks = NULL;
    store->disks_len = 0;
    store_touch(store);
}

const char *disk_alarm_name(enum disk_alarm alarm)
{
    static const char *const names[] = {"ok", "amber", "red"};
    return names[alarm];
}

static double used_share(const struct disk *disk)
{
    return 1 - (double)disk->free_bytes / (double)disk->total_bytes;
}

const struct disk *store_worst_disk(const struct store *store)
{
    const struct disk *worst = NULL;
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        if (disk->total_bytes <= 0)
            continue;
        if (worst == NULL || disk->alarm > worst->alarm ||
            (disk->alarm == worst->alarm && used_share(disk) > used_share(worst)))
            worst = disk;
    }
    return worst;
}

bool disk_say_forecast(const struct disk *disk, int64_t now, struct buf *buf)
{
    char age[TEXT_AGE_SIZE];
    int64_t left_s = (disk->full_at - now) / CLOCK_SECOND;
    bool by_time = disk->full_at != 0, by_builds = disk->full_builds > 0;
    if (!by_time && !by_builds)
        return false;
    buf_append_str(buf, "full in ");
    if (by_time)
        buf_printf(buf, "~%s", text_age(age, left_s > 0 ? left_s : 0));
    if (by_builds)
        buf_printf(buf, "%s%s%lld build%s", by_time ? " / " : "", by_time ? "" : "~",
                   (long long)disk->full_builds, disk->full_builds == 1 ? "" : "s");
    return true;
}
