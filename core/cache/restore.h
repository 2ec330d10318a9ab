/* Points a cache back at an earlier generation. Some engines export fewer
 * layers than they imported, now and then, with every step CACHED; the blobs
 * of the export before are still there, and naming its manifest in index.json
 * again brings the cache back (tried on real engines). */
#ifndef BILGE_CACHE_RESTORE_H
#define BILGE_CACHE_RESTORE_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/cache/cache.h"
#include "core/cache/remove.h"
#include "core/oci/layout.h"

/* The generation that a restore without a name goes back to: the newest older
 * one that is whole. Index into cache->generations, or CACHE_NONE. */
uint32_t restore_choose(const struct cache *cache);

/* Makes `manifest` the live generation of `tag` (NULL: of the cache's only
 * tag, else "latest"); entries of other tags stay. Every blob that it reaches
 * is checked first: presence, size, and with libcrypto its digest. index.json
 * is written whole, by rename, if it is then still what it was at the beginning and
 * no sign of an export has come, and what the context's exported_at says. ERR_USAGE when there is no such generation,
 * ERR_FORMAT when it is not whole or index.json is not understood, ERR_FOREIGN when
 * the directory is no cache, ERR_BUSY, ERR_CHANGED, or why something can't be read;
 * then nothing was changed. Blocking: call from a worker thread. */
int restore_generation(const struct remove_context *context, const struct digest *manifest,
                       const char *tag, struct err *err);

/* ---- what a repair does, too */

/* The tag of a restored generation when none is asked for. Borrowed from the index. */
const char *restore_tag(const struct manifest *index);

/* Every blob of the generation against its name. ERR_FORMAT when one is damaged;
 * any other error says that one could not be read. */
int restore_check_content(const struct remove_context *context, int cache_fd,
                          const struct cache *cache, const struct cache_generation *generation,
                          struct err *err);

/* The last look before a new index.json takes its place (arg is one of these): the
 * directory is still the one, no sign of an export has come, and the blobs of what
 * will be live are those that were looked at. */
struct restore_look {
    const struct remove_context *context;
    int cache_fd;
    const struct cache *cache;
    const struct digest *manifests; /* of the generations that will be live */
    size_t len;
    int64_t touched_at; /* busy_touched_at() before the new file was begun */
};
int restore_last_look(void *arg, struct err *err);

#endif
