/* The buildx builders beside the engine's own. Which there are is read from what
 * buildx stores on disk; how they are is told by `docker buildx ls --format json`
 * for all of them at once, and where one of them hangs and so holds up that answer,
 * by `docker buildx inspect NAME` for each. Their records come from `docker buildx du
 * --verbose --builder NAME`; `docker buildx prune` prunes them. Children are
 * run when asked for, never on a timer. */
#ifndef BILGE_ENGINE_BUILDERS_H
#define BILGE_ENGINE_BUILDERS_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/engine/api.h"
#include "core/engine/node.h"
#include "core/engine/record.h"

struct builder_entry {
    char *name;
    char *driver;
    char *endpoint; /* of its first node */
    char *status;   /* "running" when one of its nodes is; else of its first node */
    char *error;    /* NULL: none */
    bool current;   /* the one that buildx uses */
    struct builder_node *nodes;
    size_t nodes_len;
};
struct builder_list {
    struct builder_entry *items;
    size_t len;
};
void builder_list_free(struct builder_list *list);

/* Pure. One JSON object a line, as `docker buildx ls --format json` prints them
 * from 0.13 on (one line for the builder and one more, the same, for each of its
 * nodes; "Current" only in later versions), or as BUILDERS_FORMAT makes it print
 * them: {"Current":true,"Builder":{…}}. Each builder is in the list once. */
#define BUILDERS_FORMAT "{\"Current\":{{.Builder.Current}},\"Builder\":{{json .}}}"
int builders_parse(const char *text, size_t len, struct builder_list *ret_list, struct err *err);

/* Pure. What `docker buildx prune` prints: a table, then "Total:" with a size
 * rounded by docker. */
int builders_parse_pruned(const char *text, size_t len, struct api_pruned *ret_pruned,
                          struct err *err);

/* Pure. What `docker buildx inspect` prints of one builder: text, "Key: value". */
int builders_parse_inspect(const char *text, size_t len, struct builder_list *ret_list,
                           struct err *err);

/* Could buildx know of a builder beside the engine's own? Going by its files,
 * since asking the tool itself costs a tenth of a second and more. */
bool builders_in_sight(void);

/* The builders that buildx has stored on disk, by name, with their nodes; statuses
 * are "". `current` is the one that was chosen for `host`, where docker is (NULL:
 * not known). Reads a few small files; what can't be read is not there. */
void builders_read(const char *host, struct builder_list *ret_list);

/* One request under way. It frees itself after its callback, which does not run
 * before the request was returned, nor after a cancel. Starting one fails when
 * there is no docker in PATH. */
struct builders_request;
void builders_cancel(struct builders_request *request);

/* Is there a buildx? err: NULL, it answered; ERR_UNSUPPORTED, docker has no such plugin;
 * else it is not known. */
typedef void builders_version_cb(void *arg, const struct err *err);
int builders_version(uv_loop_t *loop, builders_version_cb *on_version, void *arg,
                     struct builders_request **ret_request, struct err *err);

typedef void builders_list_cb(void *arg, struct builder_list *list, const struct err *err);
int builders_list(uv_loop_t *loop, builders_list_cb *on_list, void *arg,
                  struct builders_request **ret_request, struct err *err);

/* `context`: the docker context that this builder is; buildx talks to such a one
 * only when it is docker's context. NULL: it is one of buildx's own. */

/* How this builder is, with a deadline of its own (INSPECT_DEADLINE_MS): a list of
 * one. ERR_TIMEOUT: it hangs. */
#define INSPECT_DEADLINE_MS 10000
int builders_inspect(uv_loop_t *loop, const char *builder, const char *context,
                     builders_list_cb *on_list, void *arg, struct builders_request **ret_request,
                     struct err *err);

/* Gives the records' content. */
typedef void builders_records_cb(void *arg, struct records *records, const struct err *err);
int builders_records(uv_loop_t *loop, const char *builder, const char *context,
                     builders_records_cb *on_records, void *arg,
                     struct builders_request **ret_request, struct err *err);

/* As engine_prune(): ids anchored; ERR_USAGE when one could match anything but
 * itself; very many take several calls, in this order. */
typedef void builders_pruned_cb(void *arg, char *const *deleted, size_t deleted_len,
                                int64_t freed_bytes, const struct err *err);
int builders_prune(uv_loop_t *loop, const char *builder, const char *context,
                   const char *const *ids, size_t ids_len, bool all, builders_pruned_cb *on_pruned,
                   void *arg, struct builders_request **ret_request, struct err *err);

#endif
