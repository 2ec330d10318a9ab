/* Writes index.json: the one file of a cache that is ever replaced. It is only
 * written whole, by rename, and never under BuildKit's index.json.lock: a build
 * that finds the lock held fails or forgets its cache, and the rename is safe
 * without it. */
#ifndef BILGE_CACHE_INDEX_H
#define BILGE_CACHE_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/cache/cache.h"

/* Names `manifest` (a blob in blobs/sha256 of the open cache directory) under
 * `tag` in place of what that tag named; other entries stay as they are. An
 * index.json that can't be read is replaced by one that names this alone.
 * Media type and size are read from the blob. */
int index_point(int cache_fd, const struct digest *manifest, const char *tag, struct err *err);

/* Keeps only the entries whose manifest is one of these, as they are. ERR_USAGE
 * when none would be left. */
int index_keep(int cache_fd, const struct digest *manifests, size_t len, struct err *err);

#endif
