#include "tests/support/plan_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"

struct cache *plan_world_cache(struct store *store, const char *name)
{
    char *path = mem_printf("/root/%s", name);
    struct cache *cache = mem_zalloc(sizeof *cache);
    cache->name = mem_strdup(name);
    cache->path = mem_strdup(path);
    cache->dev = 7;
    cache->ino = 1000 + store->services_len;
    cache->last_export_at = PLAN_AGO(PLAN_HOUR);
    cache->scanned_at = PLAN_NOW;
    store_set_cache(store, path, cache);
    struct service *row = store_put_service(store, path);
    row->name = mem_strdup(name);
    row->path = path;
    row->in_project = true;
    return cache;
}

static struct digest digest_of(int number)
{
    struct digest digest;
    memset(digest.bytes, number, sizeof digest.bytes);
    return digest;
}

const char *plan_world_digest(int number)
{
    static char text[DIGEST_TEXT_SIZE];
    struct digest digest = digest_of(number);
    return digest_text(text, &digest);
}

struct cache_blob *plan_world_blob(struct cache *cache, int number, int64_t bytes, int age_s)
{
    cache->blobs = mem_realloc(cache->blobs, (cache->blobs_len + 1) * sizeof *cache->blobs);
    struct cache_blob *blob = &cache->blobs[cache->blobs_len++];
    *blob = (struct cache_blob){
        .digest = digest_of(number),
        .size_bytes = bytes,
        .allocated_bytes = bytes,
        .modified_at = PLAN_AGO(age_s),
        .ino = 100 + (uint64_t)number,
        .nlink = 1,
        .class = BLOB_ORPHAN,
        .role = BLOB_LAYER,
    };
    return blob;
}

struct cache_generation *plan_world_generation(struct cache *cache, bool live, int age_s,
                                               const int *numbers)
{
    cache->generations =
        mem_realloc(cache->generations, (cache->generations_len + 1) * sizeof *cache->generations);
    struct cache_generation *generation = &cache->generations[cache->generations_len++];
    *generation = (struct cache_generation){
        .manifest = digest_of(numbers[0]),
        .exported_at = PLAN_AGO(age_s),
        .live = live,
        .whole = true,
    };
    size_t len = 0;
    while (numbers[len] != 0)
        len++;
    generation->blobs = mem_alloc(len * sizeof *generation->blobs);
    for (size_t i = 0; i < len; i++) {
        struct digest digest = digest_of(numbers[i]);
        uint32_t index = cache_find_blob(cache, &digest);
        struct cache_blob *blob = &cache->blobs[index];
        generation->blobs[generation->blobs_len++] = index;
        generation->reach_bytes += blob->allocated_bytes;
        blob->generations++;
        if (i == 0)
            blob->role = BLOB_MANIFEST;
        if (live || blob->class == BLOB_ORPHAN)
            blob->class = live ? BLOB_LIVE : BLOB_OLDER;
    }
    return generation;
}

void plan_world_leftover(struct cache *cache, enum leftover_kind kind, const char *name,
                         int64_t bytes, int age_s)
{
    cache->leftovers =
        mem_realloc(cache->leftovers, (cache->leftovers_len + 1) * sizeof *cache->leftovers);
    cache->leftovers[cache->leftovers_len++] = (struct cache_leftover){
        .kind = kind,
        .name = mem_strdup(name),
        .allocated_bytes = bytes,
        .modified_at = PLAN_AGO(age_s),
        .ino = 900 + cache->leftovers_len,
    };
    if (kind == LEFTOVER_INGEST)
        cache->ingest_bytes += bytes;
}

void plan_world_sum(struct cache *cache)
{
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        int64_t *sum = blob->class == BLOB_LIVE    ? &cache->live_bytes
                       : blob->class == BLOB_OLDER ? &cache->older_bytes
                                                   : &cache->orphan_bytes;
        *sum += blob->allocated_bytes;
        if (blob->nlink > 1)
            cache->shared_bytes += blob->allocated_bytes;
    }
    cache->size_bytes = cache->live_bytes + cache->older_bytes + cache->orphan_bytes +
                        cache->ingest_bytes + cache->other_bytes;
}

struct builder *plan_world_builder(struct store *store, const char *name)
{
    bool first = store->builders_len == 0;
    struct builder *builder = store_put_builder(store, name);
    builder->driver = mem_strdup(first ? "docker" : "docker-container");
    builder->embedded = builder->selected = first;
    builder->reachable = true;
    builder->load = LOAD_DONE;
    return builder;
}

struct record *plan_world_record(struct builder *builder, const char *id, const char *parent,
                                 int used_s)
{
    struct records *records = &builder->records;
    records->items = mem_realloc(records->items, (records->len + 1) * sizeof *records->items);
    struct record *record = &records->items[records->len++];
    *record = (struct record){
        .id = mem_strdup(id),
        .type = mem_strdup("regular"),
        .description = mem_printf("RUN %s", id),
        .size_bytes = 100,
        .created_at = PLAN_AGO(PLAN_DAY + (used_s > 0 ? used_s : 0)),
        .last_used_at = used_s >= 0 ? PLAN_AGO(used_s) : 0,
        .usage_count = used_s >= 0,
    };
    if (parent != NULL) {
        record->parents = mem_alloc(sizeof *record->parents);
        record->parents[record->parents_len++] = mem_strdup(parent);
    }
    return record;
}

const struct plan_item *plan_world_item(const struct plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->items_len; i++)
        if (strcmp(plan->items[i].id, id) == 0)
            return &plan->items[i];
    return NULL;
}

const struct plan_kept *plan_world_kept(const struct plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->kept_len; i++)
        if (strcmp(plan->kept[i].id, id) == 0)
            return &plan->kept[i];
    return NULL;
}

struct plan *plan_world_make(const struct store *store, const struct query *query)
{
    struct plan *plan = NULL;
    struct err err = {0};
    if (plan_make(store, query, PLAN_NOW, &plan, &err) != 0)
        fail_msg("no plan: %s", err.text);
    return plan;
}

struct query plan_world_records(int64_t older_than_s)
{
    struct query query;
    query_init(&query);
    query.records = true;
    query.older_than_s = older_than_s;
    return query;
}

struct store *plan_world_chain(int len, int used_s, int leaf_used_s)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    char id[16], parent[16];
    for (int i = 0; i < len; i++) {
        snprintf(id, sizeof id, "r%d", i);
        snprintf(parent, sizeof parent, "r%d", i - 1);
        plan_world_record(builder, id, i > 0 ? parent : NULL, i == len - 1 ? leaf_used_s : used_s);
    }
    return store;
}

struct cache *plan_world_usual_cache(struct store *store, const char *name)
{
    struct cache *cache = plan_world_cache(store, name);
    for (int i = 1; i <= 8; i++)
        plan_world_blob(cache, i, 1000 * i, PLAN_DAY);
    plan_world_generation(cache, true, PLAN_HOUR, (int[]){1, 2, 3, 0});
    plan_world_generation(cache, false, 5 * PLAN_HOUR, (int[]){4, 2, 5, 0});
    plan_world_generation(cache, false, 50 * PLAN_HOUR, (int[]){6, 5, 7, 0});
    plan_world_leftover(cache, LEFTOVER_INGEST, "ingest/abc", 500, 2 * PLAN_DAY);
    plan_world_sum(cache);
    return cache;
}

struct query plan_world_garbage(void)
{
    struct query query;
    query_init(&query);
    query.garbage = true;
    return query;
}

struct query plan_world_whole(void)
{
    struct query query;
    query_init(&query);
    query.whole = query.all = true;
    return query;
}

void plan_world_expect(const struct plan *plan, const char *const *ids, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (plan_world_item(plan, ids[i]) == NULL)
            fail_msg("%s is not in the plan", ids[i]);
    assert_int_equal(plan->items_len, len);
}
