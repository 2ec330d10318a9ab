/* Private to core/bilge: the object behind the door core/bilge.h, and how its
 * parts call each other. Each part keeps one side of the store fresh:
 *
 *   project   docker compose config ──► store.project, roots from its caches
 *   recipes   its Dockerfiles, for owning
 *   caches/   roots finds and opens the directories, each with threads of its own;
 *             scan, rescan, watch, finish what was left ──► services' caches; services
 *             joins the project's services with the directories
 *   engines/  the engine and buildx's builders ──► records; contexts are docker's,
 *             owning says whose the records are, elsewhere who else built
 *   builds/   runners, and those who wait for one; recording writes each build
 *             that is over into the history, excerpts reads where it failed
 *   memory/   samples, texts of layers; outlook makes forecast and growth of
 *             them, trends the services' curves; disks, and spots: free space
 *   requests/ planning, pruning, care (verify, restore, dedupe), examining (the
 *             doctor): they go through several of these
 *   benching/ the benchmark
 *
 * Each room has a header of its name for the others.
 *
 * Every part calls bilge_moved() when the store has changed; one idle handle,
 * active only until it has run, then calls on_change once. */
#ifndef BILGE_APP_APP_H
#define BILGE_APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "core/base/fs.h"
#include "core/base/lane.h"
#include "core/base/strlist.h"
#include "core/bilge.h"
#include "core/builds/project/compose.h"
#include "core/builds/run/runner.h"
#include "core/engine/builders.h"
#include "core/engine/engine.h"
#include "core/prune/execute.h"

struct running;
struct planning;
struct pruning;
struct care;
struct examining;
struct benching;
struct site;
struct disks;

/* What every build gets, besides what it is started with. */
struct build_defaults {
    struct strlist args, profiles;
    bool pull, no_cache;
    int parallel; /* so many run at once, from 1 */
};

/* What is remembered from run to run. */
struct memory {
    char *path; /* NULL: nothing */
    struct history *history;
    bool under_way;        /* a job has the history */
    bool projects_late; /* what is under way hangs */
    bool projects_wanted, projects_under_way; /* whose directories are; see projects.c */
    int64_t noted_mono_ms; /* 0: not yet */
    int64_t thinned_mono_ms;
    uint64_t revision;     /* of the store, when its results were put in */
};

struct bilge {
    uv_loop_t *loop;
    struct store *store;
    bilge_change_cb *on_change;
    void *arg;
    uv_idle_t idle;

    /* The options. */
    struct strlist given_roots; /* none: from the project */
    char *compose_file, *context, *builder;
    char *docker_host; /* DOCKER_HOST as it was in the beginning; NULL: not set */
    struct threshold disk_amber, disk_red;
    struct build_defaults build_defaults;
    size_t log_max_bytes;
    bool read_only, watching, skip_caches, skip_engine, skip_project;

    /* project */
    struct compose_load *load;

    /* recipes */
    bool recipes_job, recipes_again;
    uint64_t recipes_read; /* so many times */

    /* caches */
    struct site *sites;    /* in the order in which they were named */
    uint64_t scan_pass;    /* the number of the last scan */
    bool join_needed;      /* rows have come: services_join() before on_change */
    struct lane *lane;     /* for work that goes through several sites */
    uv_timer_t lane_timer; /* looks whether lanes get any further */

    /* engines */
    struct endpoint endpoint;
    bool has_endpoint;
    struct engine *engine;
    struct builders_request *list_request;
    struct asking *askings; /* builders that are asked just now, or soon */

    /* disks */
    uv_timer_t disk_timer;
    struct disks *disks;
    bool disk_job; /* some are being looked at */
    bool disk_again;

    /* builds */
    struct running *running; /* in the order of their start */
    struct running *queued;  /* in the order of their turn */
    uint64_t last_build_id;

    /* requests */
    struct planning *planning;
    struct pruning *pruning;
    uv_timer_t records_timer; /* a refresh of records that a request waits for */
    bool records_wanted;      /* the engine's own are being read for a request */
    bool builds_wanted;       /* the request needs to know whether builds run; see leaks.h */
    struct care *care;
    uv_timer_t care_timer; /* looks at its progress while it runs */

    struct elsewhere_asking *elsewhere; /* others' builds; NULL: not being asked for */
    struct examining *examining; /* the doctor; NULL: none under way */
    struct benching *benching;   /* NULL: no benchmark was asked for */
    uv_timer_t benching_timer;

    struct memory memory;

    /* closing */
    bool closing;
    size_t jobs;    /* on the pool */
    int open_handles;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

/* The store has changed: on_change will run, once, in the next loop pass. */
void bilge_moved(struct bilge *bilge);
/* Nothing has changed, but a request may be able to go on. */
void bilge_wake(struct bilge *bilge);
/* While closing: frees all once nothing runs any more. */
void bilge_close_if_idle(struct bilge *bilge);

/* A job on libuv's pool. run() sees only the job; done() runs on the loop, and
 * must free what run() made also when the object is closing. */
struct job {
    struct lane_job lane_job; /* first: each is the other */
    uv_work_t work;
    struct bilge *bilge;
    void (*run)(struct job *job);
    void (*done)(struct job *job, bool cancelled);
};
void job_start(struct bilge *bilge, struct job *job);
/* The same on a lane: for whatever goes into a cache root. */
void job_start_on(struct bilge *bilge, struct lane *lane, struct job *job);

/* ---- project */
/* Asks compose, unless that is under way; what waits for the project starts when
 * it has answered. */
void project_load(struct bilge *bilge);
void project_cancel(struct bilge *bilge);

/* ---- recipes */
/* Reads the project's Dockerfiles on the pool; once more if that is under way. */
void recipes_read(struct bilge *bilge);
bool recipes_waited_for(const struct bilge *bilge);

#endif
