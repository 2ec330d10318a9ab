/* The one object that both faces hold. It opens the cache roots, the engine
 * and the compose project, keeps the store fresh, takes requests, and calls
 * back when the store has moved.
 *
 * All on one loop and one thread; what takes long runs elsewhere and comes
 * back by itself. Nothing here prints. */
#ifndef BILGE_BILGE_H
#define BILGE_BILGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/prune/plan.h"
#include "core/prune/query.h"
#include "core/store/store.h"

struct bilge;

/* Strings are borrowed during bilge_open() only. */
struct bilge_options {
    const char *const *cache_roots; /* NULL: from the project, else /tmp/docker-cache */
    size_t cache_roots_len;
    const char *compose_file; /* NULL: compose's own search */
    const char *context;      /* docker context; NULL: DOCKER_HOST, else the current one */
    const char *builder;      /* NULL: the default one */
    bool read_only;           /* refuse whatever changes something */
    bool watch;               /* follow changes; a headless command looks once */
    /* What a command has no use for is not asked. */
    bool skip_caches, skip_engine, skip_project;
};

/* Runs when the store has moved; at most once per loop pass. */
typedef void bilge_change_cb(void *arg);

int bilge_open(uv_loop_t *loop, const struct bilge_options *options, bilge_change_cb *on_change,
               void *arg, struct bilge **ret_bilge, struct err *err);

/* Stops what runs (a build is interrupted and waited for, a removal puts back
 * or finishes its last step), frees everything, then calls on_closed. */
void bilge_close(struct bilge *bilge, void (*on_closed)(void *arg), void *arg);

const struct store *bilge_store(const struct bilge *bilge);

/* Looks again at one service, or at everything (NULL). */
void bilge_rescan(struct bilge *bilge, const char *service_id);

/* Makes a plan. The busy signs are looked at in the background first, so the
 * plan comes by on_plan (gives), or an error (then plan is NULL). The query is
 * copied. One at a time: ERR_BUSY. */
typedef void bilge_plan_cb(void *arg, struct plan *plan, const struct err *err);
int bilge_plan(struct bilge *bilge, const struct query *query, bilge_plan_cb *on_plan, void *arg,
               struct err *err);

/* Carries a plan out (takes it, on success). Progress and result stand in
 * store->prune. One at a time: ERR_BUSY. */
int bilge_execute(struct bilge *bilge, struct plan *plan, struct err *err);
/* Stops between two items; what was set aside is put back or finished. */
void bilge_execute_cancel(struct bilge *bilge);

/* Starts a build of these services of the project (none: all). */
struct bilge_build_options {
    bool no_cache;
    /* Called with the raw output as it comes; NULL: not wanted. */
    void (*on_output)(void *arg, const char *data, size_t len);
    void *arg;
};
int bilge_build(struct bilge *bilge, const char *const *services, size_t services_len,
                const struct bilge_build_options *options, uint64_t *ret_build_id,
                struct err *err);
/* Interrupts it (SIGINT; the engine stops too); asked again, harder. */
void bilge_build_stop(struct bilge *bilge, uint64_t build_id);

#endif
