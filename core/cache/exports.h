/* Tells a cache's generations apart and classes each blob by them. */
#ifndef BILGE_CACHE_EXPORTS_H
#define BILGE_CACHE_EXPORTS_H

#include "core/base/err.h"
#include "core/cache/cache.h"
#include "core/oci/layout.h"

/* Fills generations, problems and live_unknown of a cache whose blobs are there
 * and sorted, and role, class, created_at and generations of each blob. `index`
 * is what index.json holds (NULL: there is none, or it is damaged: the caller
 * tells that). `blobs_fd`: the open blobs/sha256. `previous`: an earlier scan
 * of the same directory, or NULL. Reads manifests from the disk. Returns how many
 * blobs could not be read that may tell what is in use; *ret_reason is why the
 * first could not. */
size_t exports_find(struct cache *cache, const struct manifest *index, int blobs_fd,
                    const struct cache *previous, struct err *ret_reason);

/* The last step of it, once all generations are in their order: the bytes that
 * each has alone, and whether a live one is a shrunken export of an older one. */
void exports_compare(struct cache *cache);

#endif
