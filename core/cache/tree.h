/* Inodes with more than one name, so that each is counted once. Only these are
 * remembered: a tree of single files takes no memory. */
#ifndef BILGE_CACHE_TREE_H
#define BILGE_CACHE_TREE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/crew.h"
#include "core/base/err.h"
#include "core/base/fs.h"
#include "core/cache/cache.h"

struct link {
    uint64_t ino; /* 0: free slot */
    int64_t allocated_bytes;
    uint32_t nlink;
    uint32_t seen; /* names met so far */
    uint8_t rank;  /* the strongest claim met: the lowest number */
    bool counted;  /* free for the owner's use */
};

struct links {
    struct link *slots;
    size_t len, cap; /* cap: a power of two */
};

void links_done(struct links *links);
/* One more name of the inode. */
void links_add(struct links *links, uint64_t ino, uint32_t nlink, int64_t allocated_bytes,
               uint8_t rank);
/* NULL when it was never added. Valid until the next links_add(). */
struct link *links_find(const struct links *links, uint64_t ino);

/* What the tasks of one scan count together: bytes by the part of the cache
 * that they belong to, inodes with several names once, errors. */
/* Which part of the cache bytes belong to; the stronger claim is the lower. */
enum region { REGION_BLOB, REGION_INGEST, REGION_OTHER };

/* Directories that are counted by themselves: cache roots that lie in another one. */
struct inode {
    uint64_t dev, ino;
};
struct apart {
    struct inode *items;
    size_t len;
};
bool apart_has(const struct apart *apart, uint64_t dev, uint64_t ino);
/* `from` may be NULL. The caller frees ret_copy->items. */
void apart_copy(struct apart *ret_copy, const struct apart *from);

/* What the tasks of one cache share. */
struct tally {
    pthread_mutex_t lock;
    uint64_t dev;              /* nothing is entered that lies elsewhere */
    int depth_max;             /* of directories that are tasks of their own, see tree.h */
    const struct apart *apart; /* nor these; NULL: none. Borrowed */
    int64_t plain_bytes[3];    /* by enum region, of inodes with one name */
    struct links links;        /* and those with several */
    uint64_t files;            /* directories too */
    uint64_t directories;
    struct err error; /* the first thing that could not be read */
    size_t errors;
    struct cache_leftover *leftovers;
    size_t leftovers_len, leftovers_cap;
    atomic_size_t tasks; /* not yet ended */
    void (*on_end)(struct tally *tally);
};

#define TREE_NO_LEFTOVER SIZE_MAX

/* What one batch of names came to, added to the tally at once. */
struct subtotal {
    enum region region;
    size_t leftover; /* whose bytes and newest time these are; TREE_NO_LEFTOVER: no one's */
    int64_t plain_bytes, modified_at; /* plain: of what has one name only */
    uint64_t files, directories;
};

void tally_init(struct tally *tally, uint64_t dev, void (*on_end)(struct tally *tally));
void tally_done(struct tally *tally);
/* One task more; one task less: on_end runs when it was the last. */
void tally_hold(struct tally *tally);
void tally_release(struct tally *tally);
void tally_error(struct tally *tally, int code, const char *action, const char *name);
/* Counts one entry. Inodes with several names go to the tally's links. */
void tally_count(struct tally *tally, struct subtotal *subtotal, const struct fs_stat *stat);
void tally_add(struct tally *tally, const struct subtotal *subtotal);

/* Walks a directory tree without remembering its files: sums it up, as du -s
 * does, on as many threads as the crew has, or hands each entry to a callback.
 *
 * Depth is no limit. Down to tally.depth_max, or as long as descriptors last,
 * each directory is a task of its own that any thread may take. What lies deeper
 * is walked by one thread, which keeps the last few levels open: back up it goes
 * by "..", and looks whether that is the directory that it came from. No step
 * takes stack. */
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
