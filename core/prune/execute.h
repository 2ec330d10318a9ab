/* Carries out a plan: caches on the lanes of their roots, records through the engine or
 * buildx. Deletes the plan's items and nothing else; each is looked at again
 * right before it goes. */
#ifndef BILGE_PRUNE_EXECUTE_H
#define BILGE_PRUNE_EXECUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/base/lane.h"
#include "core/cache/root.h"
#include "core/engine/engine.h"
#include "core/prune/plan.h"

struct execute;

struct execute_ops {
    /* items_done and freed_bytes so far. */
    void (*on_progress)(void *arg, size_t items_done, int64_t freed_bytes);
    /* Item `index` of the plan was not deleted, and why. */
    void (*on_failure)(void *arg, size_t index, const struct err *err);
    /* Once, last. The object frees itself after it. */
    void (*on_done)(void *arg);
};

struct execute_env {
    const pid_t *own_sessions; /* of our own builds; 0-ended; NULL: none */
    const char *build_sign;    /* that a build runs, as builders tell; NULL: none */
    /* Where records are looked at again before they go: as fresh as it can be. */
    const struct store *store;
    /* The open cache root of this path, which the caller gives back with
     * root_release(), and its lane; NULL: it is none of ours, or can't be opened. Gets
     * execute_start()'s arg. */
    struct root *(*root_of)(void *arg, const char *path, struct lane **ret_lane);
    /* The engine behind a builder that is embedded, else NULL (then buildx).
     * Gets execute_start()'s arg. */
    struct engine *(*engine_of)(void *arg, const char *builder);
};

/* Borrows the plan and what env points to until on_done. No callback runs
 * before it returns. Records go in an order that works (children
 * before parents; repeated while it makes progress), those of one builder in
 * few calls; `all` is set only for calls whose records need it. */
struct execute *execute_start(uv_loop_t *loop, const struct plan *plan,
                              const struct execute_env *env, const struct execute_ops *ops,
                              void *arg);
/* Stops between two items; on_done still comes. What was not come to is no
 * failure. */
void execute_cancel(struct execute *execute);
/* The same, and hangs up on the engine that is asked just now, which may still
 * finish what it has begun: its records fail with ERR_CANCELLED. */
void execute_hang_up(struct execute *execute);

/* Does it wait only for work in lanes of which is_silent() says that they do not
 * answer? */
bool execute_is_stuck(const struct execute *execute,
                      bool (*is_silent)(void *arg, const struct lane *lane), void *arg);
/* Of each item that is not dealt with, given that it is stuck. */
void execute_each_left(const struct execute *execute, void (*cb)(void *arg, size_t index),
                       void *arg);
/* Its lanes are closed: no callback comes any more, and what they still work with is
 * never given back. */
void execute_leave(struct execute *execute);

#endif
