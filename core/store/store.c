#include "core/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/record_words.h"

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

bool store_has_context(const struct store *store, const char *name)
{
    for (size_t i = 0; i < store->contexts_len; i++)
        if (strcmp(store->contexts[i].name, name) == 0)
            return true;
    return false;
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

bool store_gathered(const struct store *store)
{
    bool pending = store->scanning || store->project_load == LOAD_PENDING ||
                   store->recipes_load == LOAD_PENDING ||
                   store->builders_load == LOAD_PENDING;
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
    return store_gathered(store) && store->history_load != LOAD_PENDING;
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

const char *store_layer_text(const struct store *store, int64_t created_at)
{
    const struct layer_text wanted = {.created_at = created_at};
    const struct layer_text *found =
        store->layer_texts_len > 0 ? bsearch(&wanted, store->layer_texts, store->layer_texts_len,
                                             sizeof wanted, layer_text_compare)
                                   : NULL;
    return found != NULL ? found->text : NULL;
}

int layer_text_compare(const void *a, const void *b)
{
    const struct layer_text *x = a, *y = b;
    return (x->created_at > y->created_at) - (x->created_at < y->created_at);
}

const struct history_build *store_past_build(const struct store *store, const char *service)
{
    for (size_t i = 0; i < store->past_len; i++)
        if (strcmp(store->past[i].service, service) == 0 &&
            !history_build_is_bench(&store->past[i]))
            return &store->past[i];
    return NULL;
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
