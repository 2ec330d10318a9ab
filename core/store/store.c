#include "core/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/store_private.h"

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

void *store_grow(void *items, size_t *len, size_t item_size)
{
    char *grown = mem_realloc(items, (*len + 1) * item_size);
    memset(grown + *len * item_size, 0, item_size);
    ++*len;
    return grown;
}

void store_close_gap(void *items, size_t *len, size_t index, size_t item_size)
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
    bool same = item->only == NULL || only == NULL ? item->only == only
                                                   : strcmp(item->only, only) == 0;
    return same && strcmp(item->root, root) == 0;
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
