#include "core/cache/summary.h"

#include <stdlib.h>

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
    if (tally->files != tally->directories)
        return CACHE_FOREIGN;
    return tally->errors > 0 ? CACHE_UNREADABLE : CACHE_EMPTY;
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

/* ---- what is it? */

/* A manifest that was read and leads to no BuildKit cache config; NULL: none. */
static const struct cache_generation *find_other(const struct cache *cache)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].other)
            return &cache->generations[i];
    return NULL;
}

static bool has_cache(const struct cache *cache)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].cache)
            return true;
    return false;
}

/* Of what is foreign only the size is told, so that nobody takes a part of it for
 * that of a cache. */
static void make_foreign(struct cache *cache, char *reason)
{
    cache_forget(cache);
    cache->state = CACHE_FOREIGN;
    free(cache->error);
    cache->error = reason;
    cache->other_bytes = cache->size_bytes;
    cache->live_bytes = cache->older_bytes = cache->orphan_bytes = cache->ingest_bytes = 0;
    cache->last_export_at = 0;
    cache->live_unknown = cache->index_unknown = false;
}

static char *why_other(const struct cache_generation *other)
{
    char hex[DIGEST_HEX_SIZE];
    return mem_printf("it holds an image or something else that is no build cache (manifest %.12s)",
                      digest_hex(hex, &other->manifest));
}

/* Whether a manifest that is damaged, gone or not understood could have told. */
static bool may_have_been_a_cache(const struct cache *cache, const struct manifest *index)
{
    return cache->index_unknown || (index != NULL && index->len > 0);
}

static void report_no_index(struct cache *cache)
{
    if (!cache->has_index && cache->blobs_len > 0)
        cache_add_problem(cache, PROBLEM_INDEX, NULL,
                          mem_strdup("there is no index.json: the next build finds nothing "
                                     "cached here, and nothing here is live"));
}

void cache_judge(struct cache *cache, const struct tally *tally, const struct manifest *index,
                 bool unreadable)
{
    const struct cache_generation *other = find_other(cache);
    cache->unproven = other != NULL || !has_cache(cache);
    if (unreadable) {
        cache->state = CACHE_UNREADABLE;
        return;
    }
    if (tally->files == tally->directories && cache->blobs_len == 0) {
        cache->state = CACHE_EMPTY;
        cache->unproven = false;
        return;
    }
    if (other != NULL) {
        make_foreign(cache, why_other(other));
        return;
    }
    report_no_index(cache);
    cache->busy_sign = find_busy_sign(cache);
    if (cache->busy_sign != NULL)
        cache->state = CACHE_BUSY;
    else if (cache->unproven && !may_have_been_a_cache(cache, index))
        make_foreign(cache, mem_strdup("no manifest in it leads to a BuildKit cache config"));
    else
        cache->state = cache->unproven || is_broken(cache) ? CACHE_BROKEN : CACHE_OK;
}
