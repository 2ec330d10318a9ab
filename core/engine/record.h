/* Records: the entries of a builder's build cache, as `docker builder du`
 * shows them. Read from the engine's API (exact) or from the text of
 * `docker buildx du --verbose` (other builders; sizes rounded by docker).
 *
 * Sources: moby/api types/build/cache.go and types/system/disk_usage.go;
 * docker/buildx commands/diskusage.go. */
#ifndef BILGE_ENGINE_RECORD_H
#define BILGE_ENGINE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct record {
    char *id;
    char **parents; /* ids; they need not be in the same list */
    size_t parents_len;
    char *type;        /* "regular", "exec.cachemount", ... as the engine says it */
    char *description; /* raw text of unknown origin; "" when there is none */
    int64_t size_bytes;
    int64_t created_at;   /* 0: not known */
    int64_t last_used_at; /* 0: never used */
    int64_t usage_count;
    bool in_use;
    bool leaked;   /* in use, but by no build that runs: until the engine restarts */
    bool shared;   /* an image uses its layer too: pruning it may give nothing back */
    bool mutable_; /* cache mounts, local sources, running steps */
};

struct records {
    struct record *items;
    size_t len;
    int64_t size_bytes;        /* of all */
    int64_t reclaimable_bytes; /* not in use */
    int64_t shared_bytes;
};

void records_free(struct records *records); /* the items; all zero afterwards */

/* The body of GET /system/df: "BuildCache" (API < 1.52) or
 * "BuildCacheUsage":{"Items"}; parents under " Parents", "Parents" or
 * "Parent". What is missing gets a neutral value; a record without an ID is
 * left out. ERR_FORMAT when it is no such object. Pure; any thread. */
int records_parse_df(const char *json, size_t len, struct records *ret_records, struct err *err);

/* The text of `docker buildx du --verbose`, both spellings (buildx up to 0.27
 * and from 0.28), with descriptions of several lines. `now` dates the relative
 * times ("2 hours ago"). Pure; any thread. */
int records_parse_du(const char *text, size_t len, int64_t now, struct records *ret_records,
                     struct err *err);

/* NULL when it is not there. Looks at one after the other: for a question now
 * and then; who asks for every record builds a table. */
const struct record *records_find(const struct records *records, const char *id);

/* A lying peer must not make a sum wrap round, whoever adds records' sizes up,
 * and to whatever else: all of a builder's together stay below this (1.15 EB). */
#define RECORDS_SIZE_MAX (INT64_C(1) << 60)

/* For those who fill the items in: works out the three sums, and cuts a size
 * that is beyond its share of RECORDS_SIZE_MAX. */
void records_sum(struct records *records);

/* What the API doesn't say: whether records of this type are written to after
 * they were made. (Those of a step that runs are too, but only while in use.) */
bool record_is_mutable(const char *type);

#endif
