/* Writes index.json: the one file of a cache that is ever replaced. It is only
 * written whole, by rename, and never under BuildKit's index.json.lock: a build
 * that finds the lock held fails or forgets its cache, and the rename is safe
 * without it.
 *
 * It is edited as text: what is not replaced or dropped on purpose stays byte for
 * byte, so nothing is lost that only others understand. One that is not understood
 * as a whole is not written at all. The new one is laid ready first; then, right
 * before it takes its place, the old one must still be what was read. */
#ifndef BILGE_OCI_INDEX_H
#define BILGE_OCI_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/oci/digest.h"
#include "core/oci/layout.h"

struct index_edit {
    int cache_fd;                    /* the open cache directory */
    const struct index_file *before; /* as index_read() gave it */
    /* Called when the new one lies ready: the last look at whatever must still
     * hold. An error leaves all as it was. May be NULL. */
    int (*check)(void *arg, struct err *err);
    void *arg;
};

/* Names `manifest` (a blob in blobs/sha256) under `tag` in place of what that tag
 * named, or `alone` in place of all entries; others stay. Without an index.json one is made that
 * names this alone. Media type and size are read from the blob. ERR_FORMAT when index.json, or the
 * blob, is not understood; ERR_CHANGED when somebody has exported meanwhile. */
int index_point(const struct index_edit *edit, const struct digest *manifest, const char *tag,
                bool alone, struct err *err);

/* Keeps only the entries whose manifest is one of these. ERR_USAGE when none would
 * be left; else as index_point(). */
int index_keep(const struct index_edit *edit, const struct digest *manifests, size_t len,
               struct err *err);

/* ERR_CHANGED when index.json is not what it was, or why that can't be told. */
int index_check(int cache_fd, const struct index_file *before, struct err *err);

#endif
