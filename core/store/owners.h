/* Whose is a record? BuildKit's records carry no service. A layer in a
 * service's cache and the engine record of the step that made it were created
 * at the very same nanosecond, and an imported record names the blob that it
 * came from: both joins are exact while the record lives. What such a record
 * stands on (its parents) belongs to the same services. Cache mounts and the
 * like have no layer: they go with the step that their description quotes, as a
 * guess. (Measured on BuildKit 0.13 and 0.25: see cache.h for the formats.) */
#ifndef BILGE_STORE_OWNERS_H
#define BILGE_STORE_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cache/cache.h"
#include "core/engine/record.h"

struct owner {
    char *service; /* the only one; NULL: none known, or several */
    char *several; /* "api, worker"; NULL unless there are several */
    bool guess;    /* by its text alone */
};

struct owners {
    struct owner *items; /* one for each record, in the records' order */
    size_t len;
    char **services; /* all that there are; bit i of a record's set is services[i] */
    size_t services_len;
    uint64_t *sets; /* `words` for each record */
    size_t words;
};

/* Caches of the same name are one service's. */
struct owners_cache {
    const char *service;
    const struct cache *cache;
};

/* Pure; any thread. The caller gives the result back with owners_done(). */
struct owners owners_find(const struct records *records, const struct owners_cache *caches,
                          size_t caches_len);
void owners_done(struct owners *owners);

/* Does record `index` belong to services[service], perhaps among others? */
bool owners_has(const struct owners *owners, size_t index, size_t service);

#endif
