/* Owners by what their caches hold. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/owners_private.h"

#define IMPORTED "imported sha256:"

/* Something that the caches know, and the service that it is known by. */
struct claim {
    int64_t created_at; /* or 0 */
    struct digest digest;
    size_t service;
};

static int by_time(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    return (x->created_at > y->created_at) - (x->created_at < y->created_at);
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(&((const struct claim *)a)->digest, &((const struct claim *)b)->digest,
                  sizeof(struct digest));
}

/* What an orphan was made for is not known: only what a generation reaches
 * makes a claim. */
static struct claim *gather_claims(const struct finder *finder, size_t *ret_len)
{
    const struct owners_sources *sources = finder->sources;
    size_t total = 0, len = 0;
    for (size_t i = 0; i < sources->caches_len; i++)
        total += sources->caches[i].cache->blobs_len;
    struct claim *claims = mem_alloc((total + 1) * sizeof *claims);
    for (size_t i = 0; i < sources->caches_len; i++) {
        const struct cache *cache = sources->caches[i].cache;
        size_t service = finder_service(finder, sources->caches[i].service);
        for (size_t j = 0; j < cache->blobs_len; j++)
            if (cache->blobs[j].generations > 0)
                claims[len++] =
                    (struct claim){cache->blobs[j].created_at, cache->blobs[j].digest, service};
    }
    *ret_len = len;
    return claims;
}

/* Adds the services of all claims that are equal to `wanted`. */
static void add_claims(struct finder *finder, size_t record, const struct claim *claims, size_t len,
                       const struct claim *wanted, int (*compare)(const void *, const void *))
{
    const struct claim *found =
        len > 0 ? bsearch(wanted, claims, len, sizeof *claims, compare) : NULL;
    if (found == NULL)
        return;
    while (found > claims && compare(found - 1, wanted) == 0)
        found--;
    for (; found < claims + len && compare(found, wanted) == 0; found++)
        set_add(set_at(finder, finder->sure, record), found->service);
}

static void join_by_time(struct finder *finder, struct claim *claims, size_t len)
{
    qsort(claims, len, sizeof *claims, by_time);
    for (size_t i = 0; i < finder->records->len; i++) {
        const struct claim wanted = {.created_at = finder->records->items[i].created_at};
        if (wanted.created_at != 0)
            add_claims(finder, i, claims, len, &wanted, by_time);
    }
}

static void join_by_digest(struct finder *finder, struct claim *claims, size_t len)
{
    qsort(claims, len, sizeof *claims, by_digest);
    for (size_t i = 0; i < finder->records->len; i++) {
        const char *description = finder->records->items[i].description;
        struct claim wanted = {0};
        if (strncmp(description, IMPORTED, sizeof IMPORTED - 1) == 0 &&
            digest_parse_hex(description + sizeof IMPORTED - 1, &wanted.digest))
            add_claims(finder, i, claims, len, &wanted, by_digest);
    }
}

void owners_by_caches(struct finder *finder)
{
    size_t len;
    struct claim *claims = gather_claims(finder, &len);
    join_by_time(finder, claims, len);
    join_by_digest(finder, claims, len);
    free(claims);
}
