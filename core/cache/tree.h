/* Sums up a directory tree without remembering its files: what du -s does, on
 * as many threads as the crew has. */
#ifndef BILGE_CACHE_TREE_H
#define BILGE_CACHE_TREE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/fs.h"
#include "core/cache/cache.h"
#include "core/cache/crew.h"
#include "core/cache/links.h"

/* Which part of the cache bytes belong to; the stronger claim is the lower. */
enum region { REGION_BLOB, REGION_INGEST, REGION_OTHER };

/* What the tasks of one cache share. */
struct tally {
    pthread_mutex_t lock;
    uint64_t dev;            /* nothing is entered that lies elsewhere */
    int64_t plain_bytes[3];  /* by enum region, of inodes with one name */
    struct links links;      /* and those with several */
    uint64_t files;          /* directories too */
    uint64_t directories;
    struct err error;        /* the first thing that could not be read */
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
    int64_t plain_bytes, bytes, modified_at;
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
