/* What must stay in a cache directory, from all its manifests as they are just
 * now. */
#ifndef BILGE_CACHE_NEEDED_H
#define BILGE_CACHE_NEEDED_H

#include "core/base/err.h"
#include "core/cache/aside.h"
#include "core/cache/cache.h"

enum needed_scope {
    NEEDED_LIVE, /* what index.json reaches */
    NEEDED_NEW,  /* that, and what manifests reach that `before` did not know */
    NEEDED_ALL,  /* that, and what any manifest in blobs/ reaches */
};

/* 0 when the open directory is surely a build cache: see cache.h. ERR_FOREIGN when it is
 * not, or why that can't be told. */
int needed_check_cache(int cache_fd, struct err *err);

/* Gives a cache of which only the blobs' digest, ino and class are of use: all
 * that lie in blobs/sha256 or were set aside; BLOB_LIVE for those that must
 * stay. An error when that can't be told, or what index.json names is no cache:
 * then nothing may be deleted.
 * `before`: an earlier answer; for NEEDED_NEW only. */
int needed_look(const struct aside *aside, enum needed_scope scope, const struct cache *before,
                struct cache **ret_cache, struct err *err);

#endif
