/* Points a cache back at an earlier generation. Some engines export fewer
 * layers than they imported, now and then, with every step CACHED; the blobs
 * of the export before are still there, and naming its manifest in index.json
 * again brings the cache back (tried on real engines). */
#ifndef BILGE_CACHE_RESTORE_H
#define BILGE_CACHE_RESTORE_H

#include "core/base/err.h"
#include "core/cache/cache.h"
#include "core/cache/remove.h"

/* The generation that a restore without a name goes back to: the newest older
 * one that is whole. Index into cache->generations, or CACHE_NONE. */
uint32_t restore_choose(const struct cache *cache);

/* Makes `manifest` the live generation of `tag` (NULL: of the cache's only
 * tag, else "latest"); entries of other tags stay. Every blob that it reaches
 * is checked first: presence, size, and with libcrypto its digest. index.json
 * is written whole, by rename. ERR_USAGE when there is no such generation,
 * ERR_FORMAT when it is not whole, ERR_BUSY, ERR_CHANGED. Blocking: call from a
 * worker thread. */
int restore_generation(const struct remove_context *context, const struct digest *manifest,
                       const char *tag, struct err *err);

#endif
