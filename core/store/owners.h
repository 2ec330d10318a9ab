/* Whose is a record? BuildKit's records carry no service. What tells, the surest
 * first:
 *
 *   caches       a layer in a service's cache and the engine's record of the
 *                step that made it were created at the very same nanosecond,
 *                and an imported record names the blob that it came from
 *   builds       that bilge ran: the record was made, or used, while a build
 *                of the service had just that step
 *   mounts       a cache mount that the service's Dockerfile names by its id,
 *                and whose first step is one of a Dockerfile that names it
 *   parents      what such a record stands on belongs to the same services
 *   texts        a step of the service's Dockerfile has the same words, or a
 *                record that is known to be the service's: a guess, as any
 *                other project may have them too
 *
 * A text makes no guess about a record that is surely somebody's when the
 * service has a record of its own of that step. (Measured on BuildKit 0.13 and
 * 0.25: see cache.h and recipe.h for the formats.) */
#ifndef BILGE_STORE_OWNERS_H
#define BILGE_STORE_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/builds/project/compose.h"
#include "core/cache/cache.h"
#include "core/engine/record.h"
#include "core/history/history.h"

struct owner {
    char *service; /* the only one; NULL: none known, or several */
    char *several; /* "api, worker"; NULL unless there are several */
    bool guess;    /* one of them, or all, by texts alone */
};

struct owners {
    struct owner *items; /* one for each record, in the records' order */
    size_t len;
    char **services; /* all that there are; bit i of a record's set is services[i] */
    size_t services_len;
    uint64_t *sets; /* `words` for each record: those that are sure, then as many guesses */
    size_t words;
};

/* Caches of the same name are one service's. */
struct owners_cache {
    const char *service;
    const struct cache *cache;
};

/* All of it borrowed, any of it may be missing. */
struct owners_sources {
    const struct owners_cache *caches;
    size_t caches_len;
    const struct compose_project *project; /* with the recipes of its services */
    const struct history_build *past;      /* of any project, with their steps */
    size_t past_len;
    const char *const *texts; /* of each record what is remembered of it, if it was
                               * renamed; NULL: their descriptions */
};

/* Pure; any thread. The caller gives the result back with owners_done(). */
struct owners owners_find(const struct records *records, const struct owners_sources *sources);
void owners_done(struct owners *owners);

/* Does record `index` belong to services[service], perhaps among others? */
bool owners_has(const struct owners *owners, size_t index, size_t service);
/* The same, and only texts say so. */
bool owners_may_have(const struct owners *owners, size_t index, size_t service);

#endif
