/* Reads cache directories: sizes, blobs, generations, problems.
 *
 * scan_start() works on a few threads of libuv's pool and hands over each
 * cache as it is ready. A directory that is no OCI layout is summed up only:
 * its million files take no memory. */
#ifndef BILGE_CACHE_SCAN_H
#define BILGE_CACHE_SCAN_H

#include <stddef.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/cache/cache.h"

/* One directory, now, on the calling thread (any). `root_fd` is the open cache
 * root; `root_path` is for messages and cache.path. `previous` (may be NULL) is
 * an earlier scan of the same directory: what it knows of blobs that are still
 * there is not asked again (blobs are immutable and renamed into place).
 * Never fails: a damaged or unreadable directory is a struct cache that says
 * so. The caller frees it. The file signs of an export (ingest, young blobs)
 * make it CACHE_BUSY; other signs are busy.h's. */
struct cache *scan_cache(int root_fd, const char *root_path, const char *name,
                         const struct cache *previous);

struct scan_root {
    const char *path;
    const char *only; /* one name in it; NULL: all directories */
    /* With `only`: an earlier scan of it, see scan_cache(); NULL: none. */
    const struct cache *previous;
};

struct scan_ops {
    /* One cache is ready; `root` is the index into the roots. Gives it. */
    void (*on_cache)(void *arg, size_t root, struct cache *cache);
    /* A root was listed through (err NULL), or can't be. */
    void (*on_root)(void *arg, size_t root, const struct err *err);
    /* All is done; not called after scan_cancel(). The scan frees itself. */
    void (*on_done)(void *arg);
};

/* Callbacks run on the loop's thread, never before this returns. The roots'
 * strings and `previous` are copied. Names in a root that begin with ".bilge-"
 * are ours and no caches. */
struct scan;
struct scan *scan_start(uv_loop_t *loop, const struct scan_root *roots, size_t roots_len,
                        const struct scan_ops *ops, void *arg);
/* Not after on_done. No callback runs any more; threads stop at the next batch
 * of entries; the memory goes when they have, and libuv has closed a handle. */
void scan_cancel(struct scan *scan);

#endif
