/* Reads cache directories: sizes, blobs, generations, problems.
 *
 * scan_start() works on a few threads of the root's lane and hands over each
 * cache as it is ready. A directory that is no OCI layout is summed up only:
 * its million files take no memory. */
#ifndef BILGE_CACHE_SCAN_H
#define BILGE_CACHE_SCAN_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/base/lane.h"
#include "core/cache/cache.h"
#include "core/cache/root.h"
#include "core/cache/tree.h"

/* One directory, now, on the calling thread (any). `root_fd` is the open cache
 * root; `root_path` is for messages and cache.path. `previous` (may be NULL) is
 * an earlier scan of the same directory: what it knows of blobs that are still
 * there is not asked again (blobs are immutable and renamed into place).
 * Never fails: a damaged or unreadable directory is a struct cache that says
 * so. The caller frees it. The file signs of an export (ingest, young blobs)
 * make it CACHE_BUSY; other signs are busy.h's. */
struct cache *scan_cache(int root_fd, const char *root_path, const char *name,
                         const struct cache *previous);

struct scan_spec {
    struct root *root; /* held until the scan's end */
    struct lane *lane;
    /* Directories in it; none: all of them. */
    const char *const *names;
    size_t names_len;
    /* With one name: an earlier scan of it, see scan_cache(); NULL: none. */
    const struct cache *previous;
    /* Directories that are roots themselves: whatever they lie in does not count them. */
    const struct apart *apart; /* NULL: none */
    bool marks;                /* the caches are to be watched: see cache.mark */
};

struct scan_ops {
    /* One cache is ready. Gives it. */
    void (*on_cache)(void *arg, struct cache *cache);
    /* The root was listed through (err NULL), or can't be. */
    void (*on_root)(void *arg, const struct err *err);
    /* All is done; not called after scan_cancel(). The scan frees itself. */
    void (*on_done)(void *arg);
};

/* Callbacks run on the loop's thread, never before this returns. What the spec
 * points to is copied. Names in a root that begin with ".bilge-" are ours and no
 * caches. */
struct scan;
struct scan *scan_start(const struct scan_spec *spec, const struct scan_ops *ops, void *arg);
/* Not after on_done. No callback runs any more; threads stop at the next batch
 * of entries; the memory goes when they have. */
void scan_cancel(struct scan *scan);

#endif
