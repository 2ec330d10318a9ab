/* The half of the store that changes it. */
#include "core/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

struct store *store_new(void)
{
    return mem_zalloc(sizeof(struct store));
}

static void strings_free(char **items, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(items[i]);
    free(items);
}

static void service_done(struct service *service)
{
    free(service->id);
    free(service->name);
    free(service->path);
    free(service->busy_sign);
    strings_free(service->same_path, service->same_path_len);
    cache_free(service->cache);
}

static void builder_done(struct builder *builder)
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
    builder_nodes_free(builder->nodes, builder->nodes_len);
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

static void step_times_clear(struct store *store)
{
    for (size_t i = 0; i < store->step_times_len; i++)
        free(store->step_times[i].instruction);
    free(store->step_times);
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->services_len; i++)
        service_done(&store->services[i]);
    for (size_t i = 0; i < store->builders_len; i++)
        builder_done(&store->builders[i]);
    for (size_t i = 0; i < store->roots_len; i++)
        root_done(&store->roots[i]);
    for (size_t i = 0; i < store->builds_len; i++)
        build_free(store->builds[i]);
    store_clear_disks(store);
    prune_done(&store->prune);
    compose_project_free(store->project);
    free(store->project_error);
    free(store->building_client);
    layer_texts_free(store->layer_texts, store->layer_texts_len);
    step_times_clear(store);
    history_builds_free(store->past, store->past_len);
    history_builds_free(store->elsewhere, store->elsewhere_len);
    docker_contexts_free(store->contexts, store->contexts_len);
    free(store->services);
    free(store->builders);
    free(store->roots);
    free(store->builds);
    free(store);
}

void store_touch(struct store *store)
{
    store->revision++;
}

/* One zeroed element more, at the end. The arrays are short and rarely grow. */
static void *grow(void *items, size_t *len, size_t item_size)
{
    char *grown = mem_realloc(items, (*len + 1) * item_size);
    memset(grown + *len * item_size, 0, item_size);
    ++*len;
    return grown;
}

static void close_gap(void *items, size_t *len, size_t index, size_t item_size)
{
    char *gap = (char *)items + index * item_size;
    --*len;
    memmove(gap, gap + item_size, (*len - index) * item_size);
}

struct service *store_put_service(struct store *store, const char *id)
{
    store_touch(store);
    struct service *found = (struct service *)store_service(store, id);
    if (found != NULL)
        return found;
    store->services = grow(store->services, &store->services_len, sizeof *store->services);
    found = &store->services[store->services_len - 1];
    found->id = mem_strdup(id);
    return found;
}

void store_remove_service(struct store *store, const char *id)
{
    struct service *found = (struct service *)store_service(store, id);
    if (found == NULL)
        return;
    service_done(found); /* `id` may be the row's own: dead from here on */
    close_gap(store->services, &store->services_len, (size_t)(found - store->services),
              sizeof *found);
    store_touch(store);
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

void store_set_cache(struct store *store, const char *id, struct cache *takes)
{
    struct service *service = store_put_service(store, id);
    if (service->cache != takes)
        cache_free(service->cache);
    service->cache = takes;
    service->load = LOAD_DONE;
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
    store->roots = grow(store->roots, &store->roots_len, sizeof *store->roots);
    struct cache_root *root = &store->roots[store->roots_len - 1];
    root->path = mem_strdup(path);
    mem_replace(&root->only, only);
    return root;
}

struct builder *store_put_builder(struct store *store, const char *id)
{
    store_touch(store);
    struct builder *found = (struct builder *)store_builder(store, id);
    if (found != NULL)
        return found;
    store->builders = grow(store->builders, &store->builders_len, sizeof *store->builders);
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
    builder_done(found);
    close_gap(store->builders, &store->builders_len, (size_t)(found - store->builders),
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
    found->refreshed_at = clock_now();
    found->load = LOAD_DONE;
    found->reachable = true;
    mem_replace(&found->error, NULL);
}

struct disk *store_put_disk(struct store *store, uint64_t dev, const char *path)
{
    store_touch(store);
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].dev == dev)
            return &store->disks[i];
    store->disks = grow(store->disks, &store->disks_len, sizeof *store->disks);
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

void store_set_project(struct store *store, struct compose_project *takes)
{
    compose_project_free(store->project);
    store->project = takes;
    store_touch(store);
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
    close_gap(store->builds, &store->builds_len, index, sizeof(struct build *));
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
    store->builds = grow(store->builds, &store->builds_len, sizeof(struct build *));
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
    prune->failures = grow(prune->failures, &prune->failures_len, sizeof *prune->failures);
    struct prune_failure *failure = &prune->failures[prune->failures_len - 1];
    failure->id = mem_strdup(id);
    failure->error = mem_strdup(error);
    store_touch(store);
}

void store_set_step_times(struct store *store, struct history_step_time *takes, size_t len)
{
    step_times_clear(store);
    store->step_times = takes;
    store->step_times_len = len;
}

void store_set_elsewhere(struct store *store, struct history_build *takes, size_t len)
{
    history_builds_free(store->elsewhere, store->elsewhere_len);
    store->elsewhere = takes;
    store->elsewhere_len = len;
    store_touch(store);
}

void store_set_past(struct store *store, struct history_build *takes, size_t len)
{
    history_builds_free(store->past, store->past_len);
    store->past = takes;
    store->past_len = len;
    store_touch(store);
}

void store_set_layer_texts(struct store *store, struct layer_text *takes, size_t len)
{
    layer_texts_free(store->layer_texts, store->layer_texts_len);
    store->layer_texts = takes;
    store->layer_texts_len = len;
    store_touch(store);
}
