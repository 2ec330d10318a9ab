/* What generations have in common, and what each has alone. */
#include "core/cache/generations.h"

static void sum_unique(struct cache *cache)
{
    for (size_t g = 0; g < cache->generations_len; g++) {
        struct cache_generation *generation = &cache->generations[g];
        for (size_t i = 0; i < generation->blobs_len; i++) {
            const struct cache_blob *blob = &cache->blobs[generation->blobs[i]];
            if (blob->generations == 1)
                generation->unique_bytes += blob->allocated_bytes;
        }
    }
}

/* Counts the layers of both, and those of `a` that `b` lacks. */
static void compare_layers(const struct cache *cache, const struct cache_generation *a,
                           const struct cache_generation *b, size_t *ret_a, size_t *ret_b,
                           size_t *ret_both)
{
    size_t i = 0, j = 0;
    *ret_a = *ret_b = *ret_both = 0;
    while (i < a->blobs_len || j < b->blobs_len) {
        uint32_t one = i < a->blobs_len ? a->blobs[i] : UINT32_MAX;
        uint32_t two = j < b->blobs_len ? b->blobs[j] : UINT32_MAX;
        uint32_t blob = one < two ? one : two;
        bool layer = cache->blobs[blob].role == BLOB_LAYER;
        *ret_a += layer && one == blob;
        *ret_b += layer && two == blob;
        *ret_both += layer && one == two;
        i += one == blob;
        j += two == blob;
    }
}

/* Some engines now and then export fewer layers than they imported. Exports
 * with the very same layers in between do not hide it. */
static void find_shrunken(struct cache *cache, struct cache_generation *live)
{
    for (size_t i = 0; i < cache->generations_len; i++) {
        struct cache_generation *older = &cache->generations[i];
        size_t now, before, both;
        if (older->live)
            continue;
        compare_layers(cache, live, older, &now, &before, &both);
        if (now == both && before == both)
            continue;
        live->shrunken = older->whole && now == both && before > both;
        older->fuller = older->fuller || live->shrunken;
        return;
    }
}

void generations_compare(struct cache *cache)
{
    sum_unique(cache);
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].live)
            find_shrunken(cache, &cache->generations[i]);
}
