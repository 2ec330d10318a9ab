/* One Docker Engine: is it there, what does its build cache hold, prune it.
 *
 * Keeps trying by itself: an engine that is absent, refuses, hangs or dies in
 * the middle of an answer is a state with a line of text, and is asked again
 * with growing pauses (0.5 s to 30 s). While it is up, its event stream tells
 * when to look again, so that nothing is polled quickly. */
#ifndef BILGE_ENGINE_ENGINE_H
#define BILGE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/engine/endpoint.h"
#include "core/engine/record.h"

struct engine;

enum engine_state { ENGINE_CONNECTING, ENGINE_UP, ENGINE_DOWN };

struct engine_info {
    enum engine_state state;
    const char *error;       /* why it is down, one line; NULL when it is not */
    const char *version;     /* "26.1.5"; NULL until known */
    const char *api_version; /* what we speak with it */
    const char *data_root;   /* /var/lib/docker; NULL until known */
};

struct engine_ops {
    /* engine_info() gives something new. */
    void (*on_state)(void *arg);
    /* The records were read anew. Gives the struct's content. */
    void (*on_records)(void *arg, struct records *records);
};

/* Copies the endpoint. No callback before it returns. With `watch` false it
 * asks once, tries once, and stays quiet. */
struct engine *engine_open(uv_loop_t *loop, const struct endpoint *endpoint, bool watch,
                           const struct engine_ops *ops, void *arg);
struct engine_info engine_info(const struct engine *engine);
/* Reads the records again soon; several calls become one. */
void engine_refresh(struct engine *engine);

/* Prunes exactly these records: one call, ids anchored and escaped
 * (filters {"id":{"^(a|b)$":true}}). `all`: also internal, frontend and
 * shared ones. on_pruned gets the ids that the engine says it deleted. */
typedef void engine_prune_cb(void *arg, char *const *deleted, size_t deleted_len,
                             int64_t freed_bytes, const struct err *err);
int engine_prune(struct engine *engine, const char *const *ids, size_t ids_len, bool all,
                 engine_prune_cb *on_pruned, void *arg, struct err *err);

/* No callback any more (a prune's on_pruned gets ERR_CANCELLED before this
 * returns); the memory goes when libuv has closed the handles. */
void engine_free(struct engine *engine);

#endif
