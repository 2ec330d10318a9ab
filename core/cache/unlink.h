/* Removes a directory tree on several threads. */
#ifndef BILGE_CACHE_UNLINK_H
#define BILGE_CACHE_UNLINK_H

#include <stdint.h>

#include "core/base/err.h"

/* Called on the calling thread only, with the bytes given back so far. */
typedef void unlink_cb(void *arg, int64_t freed_bytes);

/* Removes directory `name` below dirfd and all in it. Follows no symlink and
 * stays on its file system. Goes on after an error and returns the first; then
 * something is left. Adds to *freed_bytes what inodes gave back whose last
 * name went. on_progress may be NULL. */
int unlink_tree(int dirfd, const char *name, unlink_cb *on_progress, void *arg,
                int64_t *freed_bytes, struct err *err);

#endif
