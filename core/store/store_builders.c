/* Builders, docker's contexts, and whose the records are. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store/record_words.h"
#include "core/store/store_private.h"

void store_builder_done(struct builder *builder)
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
