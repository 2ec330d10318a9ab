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
#include "core/oci/layout.h"

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
    /* Blobs that were read to their end and are not what their names say. */
    struct digest *damaged;
    size_t damaged_len, damaged_cap;
    size_t unread;            /* live blobs that could not be read: nothing is known of them */
    struct err unread_reason; /* of the first of them */
    /* index.json as it was before the scan: a repair acts on no other. */
    struct index_file index_file;
    struct manifest index;
};

/* 0 when it ran through (look at ok), ERR_CANCELLED. A missing, foreign or
 * unreadable directory is a result with a problem, and so is a blob that can't be
 * read: that is no damage. Blocking: call from a
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
 * index.json that names what is not there. When nothing is whole, live or old, the
 * directory goes: only if index.json was there and understood.
 *
 * Acts on nothing that it could not read completely, or does not understand: then
 * it is an error that says so and what to do, and all is as it was. So it is with
 * ERR_FOREIGN for what is no cache, ERR_BUSY, and ERR_CHANGED when somebody has
 * exported since it was verified. *ret_detail (gives): one line on what was done. */
int repair_cache(const struct remove_context *context, const struct verify_result *result,
                 enum repair_act *ret_act, char **ret_detail, struct err *err);

#endif
