/* Identical blobs in several caches of one file system, made one file with
 * several names. An exporter never opens an existing blob for writing, and new
 * ones arrive by rename, so the names live independent lives (tried on real
 * engines). */
#ifndef BILGE_CACHE_DEDUPE_H
#define BILGE_CACHE_DEDUPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/cache/cache.h"

/* A file that would become another name of one that is there already. */
struct dedupe_item {
    struct digest digest;
    size_t from, to;           /* indices into the caches that the plan was made of */
    uint64_t from_ino, to_ino; /* what they were: others are left alone */
    int64_t size_bytes;        /* allocated */
    int64_t frees_bytes;       /* given back, given the rest of the plan */
};

struct dedupe_plan {
    struct dedupe_item *items; /* by digest: those of one source stand together */
    size_t len;
    int64_t frees_bytes;
    int64_t duplicated_bytes; /* allocated bytes of all copies but one */
    int64_t linked_bytes;     /* what earlier links save already */
};

/* Pure. Caches that are not CACHE_OK take no part. */
void dedupe_make(const struct cache *const *caches, size_t len, struct dedupe_plan *ret_plan);
void dedupe_done(struct dedupe_plan *plan);

/* What two caches hold alike: allocated bytes, as the first has them. */
struct dedupe_common {
    size_t blobs;
    int64_t bytes;
    int64_t linked_bytes; /* of these: one file by now */
};
/* Pure. */
struct dedupe_common dedupe_compare(const struct cache *a, const struct cache *b);

struct dedupe_place {
    int root_fd;
    const char *name;
};

/* Links one item. The source's content is hashed first, unless `verified` says
 * that it was just done; its mode stays read-only. The link is made under a
 * temporary name and renamed over the copy. ERR_FOREIGN when the two belong to
 * different users and across_users is not set; ERR_CHANGED, ERR_FORMAT (the
 * source is damaged), ERR_UNSUPPORTED (no libcrypto), -EXDEV, -EMLINK.
 * Blocking; any thread. */
int dedupe_link(const struct dedupe_item *item, const struct dedupe_place *from,
                const struct dedupe_place *to, bool verified, bool across_users,
                const atomic_bool *cancel, struct err *err);

#endif
