#include "core/cache/summary.h"

#include "core/base/mem.h"
#include "core/cache/busy.h"
#include "core/cache/problems.h"

/* Blobs of one class; several names of an inode go to the strongest class,
 * since classes come in that order. */
static int64_t sum_class(const struct cache *cache, const struct links *links, uint8_t class)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        if (blob->class != class)
            continue;
        struct link *link = blob->nlink > 1 ? links_find(links, blob->ino) : NULL;
        if (link == NULL || !link->counted)
            bytes += blob->allocated_bytes;
        if (link != NULL)
            link->counted = true;
    }
    return bytes;
}

static void sum_links(struct cache *cache, const struct links *links)
{
    for (size_t i = 0; i < links->cap; i++) {
        const struct link *link = &links->slots[i];
        if (link->ino == 0)
            continue;
        if (link->rank == REGION_INGEST)
            cache->ingest_bytes += link->allocated_bytes;
        if (link->rank == REGION_OTHER)
            cache->other_bytes += link->allocated_bytes;
        if (link->seen < link->nlink)
            cache->shared_bytes += link->allocated_bytes;
    }
}

void cache_sum(struct cache *cache, struct tally *tally)
{
    cache->live_bytes = sum_class(cache, &tally->links, BLOB_LIVE);
    cache->older_bytes = sum_class(cache, &tally->links, BLOB_OLDER);
    cache->orphan_bytes = sum_class(cache, &tally->links, BLOB_ORPHAN);
    cache->ingest_bytes = tally->plain_bytes[REGION_INGEST];
    cache->other_bytes = tally->plain_bytes[REGION_OTHER];
    sum_links(cache, &tally->links);
    cache->size_bytes = cache->live_bytes + cache->older_bytes + cache->orphan_bytes +
                        cache->ingest_bytes + cache->other_bytes;
    cache->files = tally->files + cache->blobs_len;
}

enum cache_state cache_foreign_state(const struct tally *tally)
{
    return tally->errors == 0 && tally->files == tally->directories ? CACHE_EMPTY : CACHE_FOREIGN;
}

static char *find_busy_sign(const struct cache *cache)
{
    int64_t ingest_at = 0;
    for (size_t i = 0; i < cache->leftovers_len; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        if (leftover->kind == LEFTOVER_INGEST && leftover->modified_at > ingest_at &&
            busy_is_fresh(leftover->modified_at, cache->scanned_at))
            ingest_at = leftover->modified_at;
    }
    if (ingest_at != 0)
        return busy_ingest_sign(ingest_at, cache->scanned_at);
    for (size_t i = 0; i < cache->blobs_len; i++) {
        int64_t at = cache->blobs[i].modified_at;
        if (at > cache->last_export_at && busy_is_fresh(at, cache->scanned_at))
            return busy_blob_sign(at, cache->scanned_at);
    }
    return NULL;
}

static bool is_broken(const struct cache *cache)
{
    for (size_t i = 0; i < cache->problems_len; i++)
        if (cache->problems[i].kind != PROBLEM_FOREIGN)
            return true;
    return cache->live_unknown;
}

enum cache_state cache_layout_state(struct cache *cache, const struct tally *tally, bool has_index,
                                    bool unreadable)
{
    if (!unreadable && tally->files == tally->directories && cache->blobs_len == 0)
        return CACHE_EMPTY;
    if (!has_index && cache->blobs_len > 0)
        cache_add_problem(cache, PROBLEM_INDEX, NULL,
                          mem_strdup("there is no index.json: the next build finds nothing "
                                     "cached here, and nothing here is live"));
    if (unreadable)
        return CACHE_UNREADABLE;
    cache->busy_sign = find_busy_sign(cache);
    if (cache->busy_sign != NULL)
        return CACHE_BUSY;
    return is_broken(cache) ? CACHE_BROKEN : CACHE_OK;
}
