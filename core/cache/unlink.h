/* Removes a directory tree, on several threads. The only place in core that
 * does. */
#ifndef BILGE_CACHE_UNLINK_H
#define BILGE_CACHE_UNLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

/* Called on the calling thread only, with the bytes given back so far; last when all
 * is done. */
typedef void unlink_cb(void *arg, int64_t freed_bytes);

struct unlink_options {
    unlink_cb *on_progress; /* NULL: none */
    void *arg;
    /* An entry of the directory that stays until all else is gone; it stays when
     * something else does. It is of the caller's making: what it gives back does not
     * count. NULL: none. */
    const char *last;
    bool directories_only; /* a file is left alone: ERR_CHANGED */
    uint64_t ino;          /* of the directory: another one is ERR_CHANGED; 0: any */
};

/* Removes `name` below dirfd, a file or a directory, and all in it, however deep.
 * Follows no symlink; what is mounted in it is left alone, with the directories
 * above it, be it a directory, a file, or of the same file system. What can't be
 * removed is tried once: the rest goes, and the first error is returned, with the
 * number of the others. 0 when there is nothing of that name. Adds to
 * *freed_bytes what inodes gave back whose last name went. `options` may be NULL. */
int unlink_tree(int dirfd, const char *name, const struct unlink_options *options,
                int64_t *freed_bytes, struct err *err);

#endif
