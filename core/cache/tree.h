/* Sums up a directory tree without remembering its files: what du -s does, on
 * as many threads as the crew has. */
#ifndef BILGE_CACHE_TREE_H
#define BILGE_CACHE_TREE_H

#include <stddef.h>

#include "core/base/fs.h"
#include "core/cache/cache.h"
#include "core/cache/crew.h"
#include "core/cache/tally.h"

/* Adds tasks that sum up an open directory (taken) and all below it, but not
 * the directory itself. */
void tree_start(struct crew *crew, struct tally *tally, int dirfd, enum region region,
                size_t leftover);

/* Sums up one entry and all below it, here and now: its bytes (each name of an
 * inode counts), the newest time, its inode. `name` of the result is NULL. */
int tree_sum(int dirfd, const char *name, struct cache_leftover *ret_sum);

/* Opens a directory of the same file system without following a symlink.
 * -ENOENT when it has gone or is no directory any more; -EXDEV. Fills its stat. */
int tree_open(struct tally *tally, int dirfd, const char *name, int *ret_fd,
              struct fs_stat *ret_stat);

#endif
