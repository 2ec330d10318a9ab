/* Verifies a cache: every blob that a live generation reaches is there, has
 * its right size, and is what its name says. And repairs one that is not. */
#ifndef BILGE_CACHE_VERIFY_H
#define BILGE_CACHE_VERIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/cache/cache.h"
#include "core/cache/remove.h"

struct verify_spec {
    int root_fd;
    const char *root_path;
    const char *name;
    const atomic_bool *cancel; /* may be NULL */
    /* From the calling thread, now and then; may be NULL. Bytes of content
     * read so far, and of all that will be read. */
    void (*on_progress)(void *arg, int64_t checked_bytes, int64_t total_bytes);
    void *arg;
};

struct verify_result {
    struct cache *cache; /* the scan that it stands on; owned by the result */
    bool ok;
    bool hashed; /* false: built without libcrypto, so only presence and size were checked */
    int64_t checked_bytes;
    struct cache_problem *problems; /* of the scan, and digests that do not match */
    size_t problems_len, problems_cap;
};

/* 0 when it ran through (look at ok), ERR_CANCELLED. A missing, foreign or
 * unreadable directory is a result with a problem. Blocking: call from a
 * worker thread. The caller gives the result back with verify_done(). */
int verify_cache(const struct verify_spec *spec, struct verify_result *ret_result, struct err *err);
void verify_done(struct verify_result *result);

enum repair_act {
    REPAIR_NOTHING,  /* it was whole */
    REPAIR_RESTORED, /* index.json names an older generation that is whole */
    REPAIR_TRIMMED,  /* index.json names only those of its tags that are whole */
    REPAIR_REMOVED,  /* nothing in it was whole: the directory is gone */
};

/* Makes a valid, smaller cache of a broken one: points index.json at what is
 * whole, then removes the blobs that are not what their names say (an exporter
 * would take them for good and never write them again). Never leaves an
 * index.json that names what is not there. ERR_BUSY, ERR_FOREIGN, ERR_CHANGED
 * as remove_items() does. *ret_detail (gives): one line on what was done. */
int repair_cache(const struct remove_context *context, const struct verify_result *result,
                 enum repair_act *ret_act, char **ret_detail, struct err *err);

#endif
