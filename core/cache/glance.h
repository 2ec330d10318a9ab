/* Where nothing tells of changes, directories' times are compared: off the
 * loop, since such file systems are often slow ones. */
#ifndef BILGE_CACHE_GLANCE_H
#define BILGE_CACHE_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

/* What changes in a cache directory: index.json is written in place, blobs are
 * renamed into blobs/sha256, an export begins in ingest/. Ends with NULL. */
extern const char *const glance_cache_parts[];

/* One number for inodes and times of the directory, and for a cache of its
 * parts too. Never 0. */
uint64_t glance(const char *path, bool is_cache);

/* Whether a directory's file system hides what other machines change. */
bool glance_is_needed(const char *path);

#endif
