/* What is asked of the engine's HTTP API, and what its answers say. Pure.
 * Source: moby/api swagger.yaml and daemon/server/router/{system,build}. */
#ifndef BILGE_ENGINE_API_H
#define BILGE_ENGINE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct api_version {
    int major, minor;
};

/* The version to speak with an engine whose newest is `offered` (the header
 * Api-Version of GET /_ping): that one, or the newest that we know, 1.52.
 *
 * So an engine is never asked in an older version than it must: engines 25.0
 * to 28.1 (1.44 to 1.49) die on /system/df?type=build-cache when it is asked in
 * 1.42 or 1.43, while 23.0 and 24.0, whose newest these are, answer well.
 * ERR_FORMAT when it is no version. */
int api_choose(const char *offered, struct api_version *ret_version, struct err *err);

/* An engine that refuses a version as too old says which its own minimum is: takes
 * that one, when it is newer than the version. False: the body is no such refusal. */
bool api_raise(struct api_version *version, const char *body, size_t len);

/* The request targets; the caller frees. */
char *api_info_path(struct api_version version);
char *api_df_path(struct api_version version);
char *api_events_path(struct api_version version);

/* Only such ids can be named in a filter so that nothing else can match:
 * letters, digits, '-' and '_' mean themselves in regular expressions, in
 * containerd's filter language and in JSON. BuildKit's are 25 of [0-9a-z]. */
bool api_is_record_id(const char *id);

/* POST /build/prune for the first *ret_used of these ids: as many as keep the
 * target below API_PRUNE_PATH_MAX, at least one. All must be record ids. */
#define API_PRUNE_PATH_MAX 60000
char *api_prune_path(struct api_version version, const char *const *ids, size_t ids_len, bool all,
                     size_t *ret_used);

struct api_info {
    char *version;         /* NULL: not said */
    char *data_root;       /* NULL: not said */
    bool containerd_store; /* its images are containerd's, so caches can be exported */
};
int api_parse_info(const char *json, size_t len, struct api_info *ret_info, struct err *err);
void api_info_done(struct api_info *info);

struct api_pruned {
    char **ids;
    size_t ids_len;
    int64_t freed_bytes;
};
int api_parse_pruned(const char *json, size_t len, struct api_pruned *ret_pruned, struct err *err);
void api_pruned_done(struct api_pruned *pruned);
/* Takes the content of `more`. */
void api_pruned_add(struct api_pruned *sum, struct api_pruned *more);

/* An answer with a status of 400 or more: ERR_PEER and the engine's own words. */
int api_refusal(int status, const char *body, size_t len, struct err *err);

#endif
