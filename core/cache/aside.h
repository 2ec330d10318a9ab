/* A cache directory that is open and locked for removing something from it, and
 * the place where blobs and ingest entries wait until they may go:
 *
 *   <cache>/.bilge-aside/<hex>, .bilge-aside/ingest.<name>
 *   <cache>/.bilge-aside.<hex>, … on a disk too full for a directory
 *
 * The lock is a flock on the cache directory itself: it tells bilges from each
 * other, vanishes with its process and leaves no file. */
#ifndef BILGE_CACHE_ASIDE_H
#define BILGE_CACHE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/fs.h"

enum aside_kind { ASIDE_BLOB, ASIDE_INGEST };

struct aside {
    int cache_fd;
    int blobs_fd, ingest_fd; /* -1: there is none */
    int dir_fd;              /* .bilge-aside; -1: not there */
    bool beside;             /* there was no room for it */
    int64_t touched_at;      /* busy_touched_at(), when something was put beside */
};

/* Opens a cache directory and locks it. ERR_CHANGED when it is another directory
 * than dev and ino say (ino 0: whichever it is), ERR_BUSY when another bilge has
 * it. *ret_fd is the caller's; the lock goes with it. */
int aside_lock(int root_fd, const char *name, uint64_t dev, uint64_t ino, int *ret_fd,
               struct err *err);

/* The lock of an open file or directory, without waiting for it: 0, also where there
 * are no locks, ERR_BUSY, or another negative code. */
int aside_try_lock(int fd);

/* As aside_lock(), and opens what lies in it. Something that is there and can't be
 * opened is an error: nothing is taken for absent that was not seen to be.
 * ERR_FOREIGN when .bilge-aside is another user's. */
int aside_open(int root_fd, const char *name, uint64_t dev, uint64_t ino, struct aside *ret_aside,
               struct err *err);
/* Also puts back what is still set aside, and removes .bilge-aside when nothing
 * is in it. An error when something of it is left. */
int aside_close(struct aside *aside, struct err *err);

/* How many may wait at a time: a directory never shrinks again, so few where
 * the cache directory itself has to hold them. */
size_t aside_room(const struct aside *aside);

/* `name`: the hex digits of a blob, or the entry's name below ingest/. A
 * negative errno code on failure. */
int aside_take(struct aside *aside, enum aside_kind kind, const char *name);
/* Puts it back where it was. -EEXIST when it was written anew meanwhile. */
int aside_return(const struct aside *aside, enum aside_kind kind, const char *name);
/* All that waits; what was written anew meanwhile stays, and the older copy goes. */
int aside_return_all(struct aside *aside, struct err *err);
/* An entry of ingest/ could not be deleted to its end, and is back: nobody is to
 * take what went of it for a write. modified_at: its newest time before. */
void aside_keep_time(const struct aside *aside, const char *name, int64_t modified_at);
int aside_stat(const struct aside *aside, enum aside_kind kind, const char *name,
               struct fs_stat *ret_stat);
/* Adds what it gave back to *freed_bytes. */
int aside_delete(const struct aside *aside, enum aside_kind kind, const char *name,
                 int64_t *freed_bytes);

/* A name in .bilge-aside, or behind ".bilge-aside.": of bilge's making? */
bool aside_is_ours(const char *name);

/* Calls cb for all that waits; a name that is not of bilge's making does not. cb
 * may move or delete it. */
typedef void aside_cb(void *arg, enum aside_kind kind, const char *name);
int aside_each(const struct aside *aside, aside_cb *cb, void *arg, struct err *err);

#endif
