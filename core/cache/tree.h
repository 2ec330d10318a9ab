/* Walks a directory tree without remembering its files: sums it up, as du -s
 * does, on as many threads as the crew has, or hands each entry to a callback.
 *
 * Depth is no limit. Down to tally.depth_max, or as long as descriptors last,
 * each directory is a task of its own that any thread may take. What lies deeper
 * is walked by one thread, which keeps the last few levels open: back up it goes
 * by "..", and looks whether that is the directory that it came from. No step
 * takes stack. */
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
 * inode counts), the newest time, its inode. `name` of the result is NULL.
 * -EXDEV when something is mounted there. */
int tree_sum(int dirfd, const char *name, struct cache_leftover *ret_sum);

/* Opens a directory of the same file system without following a symlink.
 * -ENOENT when it has gone or is no directory any more; -EXDEV for what is
 * mounted. Fills its stat. */
int tree_open(struct tally *tally, int dirfd, const char *name, int *ret_fd,
              struct fs_stat *ret_stat);

/* ---- one thread, any depth */

/* What could not be done. */
struct tree_failure {
    enum { TREE_ENTRY, TREE_LOOK, TREE_ENTER, TREE_LIST, TREE_LEAVE } step;
    int code;
    int dirfd;        /* that it lies in; only TREE_LEAVE: its own */
    const char *name; /* in there */
    const char *path; /* from where the walk began, shortened in the middle */
};

#define TREE_AGAIN 1

struct tree_walk {
    /* An entry that is no directory. 0, or a code, which becomes a failure. */
    int (*on_file)(void *arg, int dirfd, const char *name, const struct fs_stat *stat);
    /* A directory was entered. May be NULL. */
    void (*on_enter)(void *arg, const struct fs_stat *stat);
    /* All that is in it was visited. `above` is the open directory that it lies
     * in; `failed`: something in it or below. 0, a code, which becomes a failure,
     * or TREE_AGAIN: it is listed once more. May be NULL. */
    int (*on_leave)(void *arg, int above, const char *name, const struct fs_stat *stat,
                    bool failed);
    void (*on_failure)(void *arg, const struct tree_failure *failure);
    /* True stops. May be NULL. */
    bool (*is_over)(void *arg);
    void *arg;
};

/* Visits directory `name` below dirfd, whose device number is dev, and all below
 * it: files as they are listed, then directories, depth first. True when nothing
 * has failed. */
bool tree_walk(int dirfd, uint64_t dev, const char *name, const struct tree_walk *walk);

#endif
