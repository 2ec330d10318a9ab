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
#include "core/base/threshold.h"
#include "core/cache/dedupe.h"
#include "core/cache/verify.h"
#include "core/doctor/doctor.h"
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
    const char *history_path; /* history_default_path(); NULL: remember nothing */
    bool read_only;           /* refuse whatever changes something */
    bool watch;               /* follow changes; a headless command looks once */
    struct threshold disk_amber, disk_red; /* zero: 85 % and 95 % used */
    int64_t abandoned_after_s;             /* see service_is_abandoned(); 0: 30 days */
    /* What every build gets. */
    const char *const *build_args; /* "NAME=value"; one that a build is started with goes before */
    size_t build_args_len;
    const char *const *build_profiles; /* of compose */
    size_t build_profiles_len;
    bool build_pull, build_no_cache;
    int build_parallel;   /* so many run at once; 0: one */
    size_t log_max_bytes; /* of a build's log in memory; 0: 64 MiB */
    /* What a command has no use for is not asked. */
    bool skip_caches, skip_engine, skip_project;
};

/* Runs when the store has moved; at most once per loop pass. */
typedef void bilge_change_cb(void *arg);

/* Opens everything that the options name and begins to look; nothing of it is
 * waited for, and on_change never runs before this returns. What can't be
 * reached (an engine that is down, a project that can't be read) stands in the
 * store and is no error; only a docker context that was asked for and can't be
 * read is one. The caller gives *ret_bilge back with bilge_close(). */
int bilge_open(uv_loop_t *loop, const struct bilge_options *options, bilge_change_cb *on_change,
               void *arg, struct bilge **ret_bilge, struct err *err);

/* Stops what runs (a build is interrupted and waited for, a removal puts back
 * or finishes its last step), frees everything, then calls on_closed. */
void bilge_close(struct bilge *bilge, void (*on_closed)(void *arg), void *arg);

/* Borrowed until bilge_close(); on_change tells when it has moved. */
const struct store *bilge_store(const struct bilge *bilge);

/* Looks again at one service, or at everything (NULL). */
void bilge_rescan(struct bilge *bilge, const char *service_id);

/* Another docker context, for everything from now on: records, builds, prunes.
 * ERR_BUSY while a build or a removal is under way, ERR_USAGE when there is no
 * such context. */
int bilge_use_context(struct bilge *bilge, const char *name, struct err *err);

/* Looks at the disks' free space alone; store.disks_at tells when it was done. */
void bilge_look_at_disks(struct bilge *bilge);

/* Makes a plan. The busy signs are looked at in the background first, so the
 * plan comes by on_plan (gives), or an error (then plan is NULL). The query is
 * copied. One at a time: ERR_BUSY. */
typedef void bilge_plan_cb(void *arg, struct plan *plan, const struct err *err);
int bilge_plan(struct bilge *bilge, const struct query *query, bilge_plan_cb *on_plan, void *arg,
               struct err *err);

/* Finishes what earlier runs left (store.unfinished), then calls `then`, not
 * before this returns; also when the object is closing. bilge_execute(),
 * bilge_restore(), bilge_dedupe() and a repair do this first of all; nothing else
 * does. */
int bilge_finish(struct bilge *bilge, void (*then)(void *arg), void *arg, struct err *err);

/* Carries a plan out (takes it, on success). Progress and result stand in
 * store->prune. One at a time: ERR_BUSY. */
int bilge_execute(struct bilge *bilge, struct plan *plan, struct err *err);
/* Stops between two items; what was set aside is put back or finished. Called
 * again, it also hangs up on an engine that does not answer. */
void bilge_execute_cancel(struct bilge *bilge);

/* ---- Care for caches: long work on whole directories, off the loop. One
 * request at a time: ERR_BUSY. ids are those of the store's rows. */
struct bilge_verified {
    const char *service_id;
    const struct verify_result *result; /* not filled when err is set and it was not verified */
    bool repaired;                      /* a repair was asked for and ran through */
    enum repair_act act;
    const char *detail;    /* what the repair did; NULL: none */
    const struct err *err; /* why it could not be verified, or repaired; NULL: it was */
};
struct bilge_care_ops {
    /* A few times a second; of the cache, or the links, under way. May be NULL. */
    void (*on_progress)(void *arg, int64_t done_bytes, int64_t total_bytes);
    /* Of bilge_verify(): one cache is done. Borrowed. */
    void (*on_verified)(void *arg, const struct bilge_verified *verified);
    /* Of bilge_dedupe(): what became of each of the plan's items, 0 or a
     * negative code. May be NULL. */
    void (*on_linked)(void *arg, const int *codes, size_t len);
    /* Of bilge_restore(): index.json names this manifest now. Borrowed. May be NULL. */
    void (*on_restored)(void *arg, const struct digest *generation);
    /* Once, last; not when the object is closing. NULL: it ran through. */
    void (*on_done)(void *arg, const struct err *err);
};

/* Verifies these caches, one after the other, and repairs them if asked to. */
int bilge_verify(struct bilge *bilge, const char *const *service_ids, size_t len, bool repair,
                 const struct bilge_care_ops *ops, void *arg, struct err *err);

/* Points a cache back at a generation; NULL: at the newest older one that is
 * whole. Every blob is checked first. Of several tags it is the one that this
 * project's services write, else "latest". */
int bilge_restore(struct bilge *bilge, const char *service_id, const struct digest *generation,
                  const struct bilge_care_ops *ops, void *arg, struct err *err);

/* Links what dedupe_make() listed for the caches of these rows, in this order. */
int bilge_dedupe(struct bilge *bilge, const char *const *service_ids, size_t len,
                 const struct dedupe_plan *plan, bool across_users,
                 const struct bilge_care_ops *ops, void *arg, struct err *err);

/* Stops the request under way at the next step; its on_done comes. */
void bilge_care_cancel(struct bilge *bilge);

/* Examines the store as it is, and the machine around it. The report comes by
 * on_examined (gives; the struct itself is borrowed). One at a time: ERR_BUSY. */
typedef void bilge_examined_cb(void *arg, struct doctor_report *report);
int bilge_examine(struct bilge *bilge, bilge_examined_cb *on_examined, void *arg, struct err *err);
/* The callback will not run. */
void bilge_examine_forget(struct bilge *bilge);

/* Asks docker for the builds that the engine remembers, bilge's and others'.
 * on_done comes once (gives; NULL and 0 when there are none), not before this
 * returns; `told` is false when this docker or its engine has no build history.
 * Nothing does this on a timer. -ENOENT: no docker. */
typedef void bilge_elsewhere_cb(void *arg, struct history_build *builds, size_t len, bool told);
struct elsewhere_asking;
int bilge_ask_elsewhere(uv_loop_t *loop, const char *builder, bilge_elsewhere_cb *on_done,
                        void *arg, struct elsewhere_asking **ret_asking, struct err *err);
/* The same for the store: store.elsewhere holds those that bilge did not run. */
void bilge_look_elsewhere(struct bilge *bilge);

/* Builds these services of the project (none: all), as soon as it can: when
 * fewer builds run than `build_parallel` says, none of them concerns one of these
 * services, none that waits longer does, and no removal is under way. Until
 * then it stands in the store as BUILD_QUEUED, with its place. */
struct bilge_build_options {
    bool no_cache;
    bool pull;                     /* look for newer base images */
    const char *const *build_args; /* "NAME=value"; borrowed during the call */
    size_t build_args_len;
    /* Without BuildKit. Else it is chosen: build->way says what, and why. */
    bool traditional;
    /* From this compose file, which has the same services; NULL: the project's. */
    const char *compose_file;
    /* What the history calls it; NULL: what it finds by itself. */
    const char *kind;
    /* Called with the raw output as it comes; NULL: not wanted. */
    void (*on_output)(void *arg, const char *data, size_t len);
    void *arg;
};
/* ERR_BUSY: the same waits already, or too many do. An error that comes when
 * its turn has come stands in the build. */
int bilge_build(struct bilge *bilge, const char *const *services, size_t services_len,
                const struct bilge_build_options *options, uint64_t *ret_build_id, struct err *err);
/* The same services with the same options once more; one that still runs is
 * interrupted first. */
int bilge_build_again(struct bilge *bilge, uint64_t build_id, uint64_t *ret_build_id,
                      struct err *err);
/* Interrupts it (SIGINT; the engine stops too); asked again, harder. One that
 * waits is taken out, and out of the store. */
void bilge_build_stop(struct bilge *bilge, uint64_t build_id);

#endif
