/* Walks one cache directory and makes a struct cache of it. The walk is cut
 * into tasks of a crew, so that several threads share it:
 *
 *   the directory itself ─► blobs/sha256   batches of names ─► blobs
 *                        ─► ingest/, whatever else is there ─► sums only (tree.h)
 *   when the last task has ended: index.json, generations, sums, state */
#ifndef BILGE_CACHE_GATHER_H
#define BILGE_CACHE_GATHER_H

#include "core/cache/cache.h"
#include "core/cache/crew.h"
#include "core/cache/tally.h"

/* Runs on the thread that ends the last task. Gives the cache; NULL when the
 * crew was cancelled. */
typedef void gather_cb(void *arg, struct cache *cache);

/* Adds the first task. `root_fd` is borrowed until on_done; root_path and name
 * are copied; previous and apart (either may be NULL) are borrowed until on_done. */
void gather_start(struct crew *crew, int root_fd, const char *root_path, const char *name,
                  const struct cache *previous, const struct apart *apart, gather_cb *on_done,
                  void *arg);

#endif
