/* One Docker Engine: is it there, what does its build cache hold, prune it.
 *
 * Keeps trying by itself: an engine that is absent, refuses, hangs or dies in
 * the middle of an answer is a state with a line of text, and is asked again
 * with growing pauses (0.5 s to 30 s; at once when its socket appears). While
 * it is up, its event stream tells when to look again; since some changes send
 * no event, it also looks after 5 s, as long as each look finds something new,
 * else more and more seldom, down to once a minute. Who knows of a change (a
 * build has ended, a cache directory was written to) calls engine_refresh().
 *
 * An engine that is no unix socket is reached through a child, `docker system
 * dial-stdio`, one for each question; there nothing is asked by a timer, but
 * for the tries (0.5 s to 5 min apart) while it is down.
 *
 * The program ignores SIGPIPE: an engine may die while it is written to. */
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
    bool containerd_store;   /* as its version is known */
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

/* Prunes exactly these records: ids anchored (filters {"id":{"^(a|b)$":true}}),
 * and refused (ERR_USAGE) when one could match anything but itself. `all`: also
 * internal, frontend and shared ones. Very many ids take several requests, in
 * this order: name children before their parents. on_pruned gets the ids that
 * the engine says it deleted, also before an error; no callback before it
 * returns. The records are read anew afterwards. Fails when it is not up. */
typedef void engine_prune_cb(void *arg, char *const *deleted, size_t deleted_len,
                             int64_t freed_bytes, const struct err *err);
int engine_prune(struct engine *engine, const char *const *ids, size_t ids_len, bool all,
                 engine_prune_cb *on_pruned, void *arg, struct err *err);
/* Hangs up on all prunes under way: each on_pruned gets ERR_CANCELLED before
 * this returns. The engine stops, too, but may finish what it is at. */
void engine_prune_cancel(struct engine *engine);

/* No callback any more, but for those of engine_prune_cancel(); the memory goes
 * when libuv has closed the handles. NULL is fine. */
void engine_free(struct engine *engine);

#endif
