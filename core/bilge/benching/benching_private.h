/* Private to core/bilge/benching: a benchmark under way.
 *
 *   reading ──► ready ──► stage ──► build ──► look ─┬─► stage … (the next build)
 *   (files)   (the plan     ▲      (runner)  (engine)│
 *              is shown)    │                        ▼ round over, failed, interrupted
 *                           └──── caches ◄─ prune ◄─ images
 *                                   │
 *                                   ▼ nothing more to build
 *                                 sweep ──► over
 *
 * Before the first build, what others left goes by the same way: images, caches,
 * sweep.
 *
 * benching_requests.c is what the faces ask for, benching.c goes from one phase
 * to the next, benching_read.c reads, benching_stage.c
 * does what takes long on the pool, benching_build.c has a build run,
 * benching_clean.c takes away what was made. */
#ifndef BILGE_BILGE_BENCHING_PRIVATE_H
#define BILGE_BILGE_BENCHING_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"
#include "core/bench/bench.h"
#include "core/bench/traces.h"
#include "core/bilge/benching/benching.h"
#include "core/builds/log/logsave.h"

enum benching_phase {
    BENCHING_IDLE, /* reads, waits for its start, or is over */
    BENCHING_STAGE,
    BENCHING_BUILD,
    BENCHING_LOOK,
    BENCHING_LEFTOVERS, /* asks for the names of their images */
    BENCHING_IMAGES,
    BENCHING_PLAN,
    BENCHING_SETTLE, /* until the engine has let go of what a build held */
    BENCHING_PRUNE,
    BENCHING_SWEEP,
};

/* A file of the copy as it was before any edit, and as it is. */
struct benching_file {
    char *path; /* relative; NULL: not read */
    char *dependency;
    struct buf pristine;
};

struct benching {
    struct bench *bench;
    struct bilge_bench_ops ops;
    void *arg;
    enum benching_phase phase;
    struct compose_load *load;
    char *configs[BENCH_VARIANTS]; /* what compose said of the two projects */
    struct strlist given_code, given_dependencies;

    /* of the service that is measured */
    struct benching_file files[BENCH_VARIANTS][2]; /* code, dependencies */
    uint64_t token;

    int lock;                /* of its directory; -1: not made yet */
    struct logsave *saving;  /* of a build that failed; NULL: nothing is written */
    size_t leftovers_asked;

    struct strlist images; /* made, and not removed yet */
    struct traces *traces;
    unsigned plan_tries, waits;
    bool knows;      /* what was there before is noted */
    bool round_over; /* or all is */
    bool ending;     /* no more builds: it failed, was interrupted, or is done */
    bool impatient;  /* interrupted again */
    atomic_bool cancel; /* seen by what copies */
};

/* Fails: no more builds. The first error stays. */
void benching_fail(struct benching *benching, const struct err *err);
/* The phase is over. */
void benching_go_on(struct bilge *bilge);
/* The engine is quiet before the next build, and its records are known. */
void benching_look(struct bilge *bilge);

/* ---- reading. Ends with on_ready. */
int benching_read(struct bilge *bilge, struct err *err);

/* ---- stage: copies, edits, the compose file. Ends with benching_go_on(). */
void benching_set_stage(struct bilge *bilge);
/* The compose file of a step; the caller frees it. */
char *benching_compose_file(const struct bench *bench, const struct bench_step *step);
/* Removes the caches of the round and what others left, or (`all`) the directory. */
void benching_sweep(struct bilge *bilge, bool all);
void benching_files_done(struct benching *benching);

/* ---- one build. Ends with benching_go_on(). */
void benching_build(struct bilge *bilge);
void benching_build_over(struct bilge *bilge, const struct build *build);

/* ---- cleaning */
/* Takes the name. */
void benching_note_image(struct benching *benching, char *takes);
/* Has what others left removed with what this one makes. Ends with benching_go_on(). */
void benching_find_leftovers(struct bilge *bilge);
void benching_remove_images(struct bilge *bilge);
void benching_plan(struct bilge *bilge);
/* The removal is over: notes what came of it. */
void benching_count_prune(struct bilge *bilge);

#endif
