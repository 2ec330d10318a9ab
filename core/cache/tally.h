/* What the tasks of one scan count together: bytes by the part of the cache
 * that they belong to, inodes with several names once, errors. */
#ifndef BILGE_CACHE_TALLY_H
#define BILGE_CACHE_TALLY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/fs.h"
#include "core/cache/cache.h"
#include "core/cache/links.h"

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
    uint64_t dev;            /* nothing is entered that lies elsewhere */
    int depth_max;           /* of directories that are tasks of their own, see tree.h */
    const struct apart *apart; /* nor these; NULL: none. Borrowed */
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

#endif
