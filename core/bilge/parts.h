/* Private to core/bilge: the object behind the door core/bilge.h, and how its
 * parts call each other. Each part keeps one side of the store fresh:
 *
 *   project   docker compose config ──► store.project, roots from its caches
 *   recipes   its Dockerfiles, for owning
 *   caches    scan, rescan, watch, recover ──► services' caches
 *   services  joins the project's services with the directories
 *   engines   the engine and buildx's builders ──► records
 *   contexts  docker's
 *   owning    whose the records are
 *   disks     free space
 *   builds    runners, and those who wait for one
 *   recording each build that is over, for the history
 *   excerpts  of Dockerfiles, where builds failed
 *   planning, pruning   requests that go through several of these
 *   memory    samples, texts of layers
 *   outlook   forecast and growth, from the samples
 *   care      verify, restore, dedupe
 *   examining the doctor
 *   benching  the benchmark
 *
 * Every part calls bilge_moved() when the store has changed; one idle handle,
 * active only until it has run, then calls on_change once. */
#ifndef BILGE_BILGE_PARTS_H
#define BILGE_BILGE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "core/base/fs.h"
#include "core/bilge.h"
#include "core/build/compose/compose.h"
#include "core/build/run/runner.h"
#include "core/cache/scan.h"
#include "core/cache/watch.h"
#include "core/engine/builders.h"
#include "core/engine/engine.h"
#include "core/prune/execute.h"

struct listing;
struct rescan;
struct running;
struct planning;
struct pruning;
struct care;
struct recording;
struct examining;
struct outlook;
struct benching;

/* What every build gets, besides what it is started with. */
struct build_defaults {
    char **args, **profiles;
    size_t args_len, profiles_len;
    bool pull, no_cache;
    int parallel; /* so many run at once, from 1 */
};

/* What is remembered from run to run. */
struct memory {
    char *path; /* NULL: nothing */
    struct history *history;
    bool under_way;        /* a job has the history */
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
    char **given_roots; /* NULL: from the project */
    size_t given_roots_len;
    char *compose_file, *context, *builder;
    char *docker_host; /* DOCKER_HOST as it was in the beginning; NULL: not set */
    struct level disk_amber, disk_red;
    struct build_defaults build_defaults;
    size_t log_max_bytes;
    bool read_only, watching, skip_caches, skip_engine, skip_project;

    /* project */
    struct compose_load *load;

    /* recipes */
    bool recipes_job, recipes_again;
    uint64_t recipes_read; /* so many times */

    /* caches */
    struct scan *scan;      /* of all roots */
    uint64_t scan_pass;     /* its number */
    bool scan_again;        /* asked for while one ran */
    bool join_needed;       /* rows have come: services_join() before on_change */
    struct rescan *rescans; /* of single caches: queued and running */
    struct listing *listings; /* of roots, under way */
    struct watch *watch;

    /* engines */
    struct endpoint endpoint;
    bool has_endpoint;
    struct engine *engine;
    struct builders_request *list_request, *records_request;
    char *asked_builder; /* whose records_request it is */
    char **to_ask;       /* builders whose records are to be read */
    size_t to_ask_len;

    /* disks */
    uv_timer_t disk_timer;
    bool disk_job, disk_again;

    /* builds */
    struct running *running; /* in the order of their start */
    struct running *queued;  /* in the order of their turn */
    uint64_t last_build_id;

    /* requests */
    struct planning *planning;
    struct pruning *pruning;
    uv_timer_t records_timer; /* a refresh of records that a request waits for */
    bool records_wanted;      /* the engine's own are being read for a request */
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
    uv_work_t work;
    struct bilge *bilge;
    void (*run)(struct job *job);
    void (*done)(struct job *job, bool cancelled);
};
void job_start(struct bilge *bilge, struct job *job);

/* ---- roots */
/* Does an OCI layout lie there? */
bool roots_is_layout(const char *path);
void roots_from_options(struct bilge *bilge);
/* Puts the canonical form into the project's cache paths. */
void roots_resolve_project(struct compose_project *project);
void roots_from_project(struct bilge *bilge);
/* The root that the directory lies in; NULL: none of ours. */
const struct cache_root *roots_of(const struct store *store, const char *path);

/* ---- project */
void project_load(struct bilge *bilge);
void project_cancel(struct bilge *bilge);

/* ---- recipes */
void recipes_read(struct bilge *bilge);
bool recipes_waited_for(const struct bilge *bilge);

/* ---- services */
void services_join(struct bilge *bilge);
/* Sets the rows' signs of our own builds. */
void services_mark_builds(struct bilge *bilge);

/* ---- caches */
void caches_scan(struct bilge *bilge);
/* Finishes what a killed bilge left, in the roots from this index on. */
void caches_recover(struct bilge *bilge, size_t first);
/* Looks again at one directory. `for_request`: planning and pruning count it. */
void caches_rescan(struct bilge *bilge, const char *path, bool for_request);
/* A cache has been read: it takes its place in the store. */
void caches_put(struct bilge *bilge, const char *path, struct cache *takes);
/* Puts it into store.scanning whether anything is being read. */
void caches_note_scanning(struct bilge *bilge);
/* Rescans that planning or pruning still waits for. */
bool caches_waited_for(const struct bilge *bilge);
void caches_cancel(struct bilge *bilge);
struct cache *caches_missing(const char *path);

/* ---- rescans: single caches */
void rescans_cancel(struct bilge *bilge);

/* ---- watching */
void watching_open(struct bilge *bilge);
/* A root was listed, or is not there yet. */
void watching_root(struct bilge *bilge, size_t root, bool exists);
void watching_cache(struct bilge *bilge, const char *path, bool exists);
void watching_close(struct bilge *bilge);

/* ---- engines */
int engines_open(struct bilge *bilge, struct err *err);
void engines_list(struct bilge *bilge);
/* Reads records again: of the engine; of the other builders that answered. */
void engines_refresh(struct bilge *bilge);
/* For a request: of this builder (NULL: the selected one). */
void engines_refresh_for_request(struct bilge *bilge, const char *builder);
bool engines_waited_for(const struct bilge *bilge);
void engines_close(struct bilge *bilge);
/* Anew, after another context was chosen. */
void engines_reopen(struct bilge *bilge);

/* ---- elsewhere */
void elsewhere_cancel(struct bilge *bilge);

/* ---- contexts */
void contexts_read(struct bilge *bilge);
/* Docker's tools go where the options say. */
void contexts_lead_tools(struct bilge *bilge);

/* ---- owning */
/* `scanning`: more caches are to come. */
void owning_refresh(struct bilge *bilge, bool scanning);

/* ---- disks */
/* The file system below a path. */
struct space {
    char *path; /* absolute; need not exist, then what lies above it counts */
    bool known; /* the rest is filled in */
    uint64_t dev;
    char *mount;
    struct fs_space space;
};
/* The network may be below: on the pool. */
void space_look(struct space *space);
void space_done(struct space *space);
void disks_open(struct bilge *bilge);
void disks_refresh(struct bilge *bilge);

/* ---- memory */
void memory_open(struct bilge *bilge, const char *path);
void memory_step(struct bilge *bilge);
void memory_close(struct bilge *bilge);

/* ---- recording */
/* NULL: nothing is remembered. */
struct recording *recording_start(struct bilge *bilge, const struct build *build);
/* The build is over; NULL is fine. It frees itself when it has been written,
 * also while the object is closing. */
void recording_end(struct bilge *bilge, struct recording *recording, const struct build *build);

/* ---- excerpts */
/* The build has failed: finds the lines of the Dockerfile. */
void excerpts_look(struct bilge *bilge, const struct build *build);

/* ---- outlook: gathered from the store, read on the pool, put into the store */
struct outlook *outlook_new(const struct store *store);
void outlook_read(struct outlook *outlook, struct history *history, int64_t now);
void outlook_put(struct outlook *outlook, struct store *store);
void outlook_free(struct outlook *outlook);
/* The name of the samples of free bytes: by where the file system is mounted
 * (NULL: not known), else by the path. The caller frees it. */
char *outlook_disk_series(const char *mount, const char *path);

/* ---- trends */
struct trend {
    char *id; /* of the row: its path */
    int64_t sizes[SERVICE_TREND];
    size_t len;
};
/* On the pool. */
void trend_read(struct trend *trend, struct history *history, int64_t now);
void trend_put(const struct trend *trend, struct store *store);

/* ---- builds */
/* Sessions of our running builds, 0-ended; the caller frees it. */
pid_t *builds_sessions(const struct bilge *bilge);
bool builds_concern(const struct bilge *bilge, const char *service);
/* Takes away what a killed run has left. */
void builds_open(struct bilge *bilge);
/* Starts those whose turn has come. */
void builds_step(struct bilge *bilge);
void builds_stop_all(struct bilge *bilge);

/* ---- benching */
void benching_step(struct bilge *bilge);
void benching_close(struct bilge *bilge);
void benching_free(struct benching *benching);

/* ---- requests */
void planning_step(struct bilge *bilge);
void planning_cancel(struct bilge *bilge);
void pruning_step(struct bilge *bilge);
void pruning_cancel(struct bilge *bilge);
bool pruning_caches(const struct bilge *bilge);

#endif
