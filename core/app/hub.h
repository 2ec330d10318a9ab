/* What every concern behind the door stands on: the loop, the store, jobs on the
 * pool, the turns of a loop pass, and the end of it all.
 *
 *   a concern ──► hub_moved() ──► idle ──► the turns, in their order
 *
 * Whoever changes the store calls hub_moved(); one idle handle, active only until it
 * has run, then gives each concern that waits for others its turn. */
#ifndef BILGE_APP_HUB_H
#define BILGE_APP_HUB_H

#include <stdbool.h>

#include <uv.h>

#include "core/base/lane.h"
#include "core/store/store.h"

struct hub;

struct hub_ops {
    /* While closing: something has come to its end. hub_end() when nothing else runs. */
    void (*on_rest)(void *arg);
    /* After hub_end(): libuv has given all handles back; hub_free() may be called. */
    void (*on_closed)(void *arg);
};

/* Makes the store, too. */
struct hub *hub_new(uv_loop_t *loop, const struct hub_ops *ops, void *arg);
/* From here on there are handles: it must come to hub_end(). */
void hub_open(struct hub *hub);
void hub_free(struct hub *hub);

uv_loop_t *hub_loop(const struct hub *hub);
/* Borrowed, until hub_free(). */
struct store *hub_store(const struct hub *hub);

/* ---- turns */
/* All that happens in a loop pass with news, in this order. */
enum hub_turn {
    TURN_JOIN,     /* services with the directories that have come */
    TURN_OWN,      /* whose the records are */
    TURN_PLAN,     /* goes on when all was looked at */
    TURN_PRUNE,    /* likewise */
    TURN_CARE,     /* begins once it is known whether builds run */
    TURN_EXAMINE,  /* likewise */
    TURN_PROJECTS, /* looks into the history */
    TURN_REMEMBER, /* likewise, when nobody else does */
    TURN_BUILD,    /* those begin that need not wait any more */
    TURN_TELL,     /* the face */
    TURNS
};
/* Runs in every such pass; not while closing. */
void hub_set_turn(struct hub *hub, enum hub_turn turn, void (*run)(void *owner), void *owner);
/* The store has changed: each turn runs, once, in the next loop pass. */
void hub_moved(struct hub *hub);
/* Nothing has changed, but a request may be able to go on. */
void hub_wake(struct hub *hub);

/* ---- closing */
/* No turn any more. */
void hub_close(struct hub *hub);
bool hub_is_closing(const struct hub *hub);
/* Something has come to its end, which while closing may be what is waited for. */
void hub_rest(struct hub *hub);
/* Jobs on the pool, or is hub_end() under way? */
bool hub_is_busy(const struct hub *hub);
/* Once: everybody has closed their timers, or does in this call's pass. */
void hub_end(struct hub *hub);

/* ---- timers, whose owner is in their data */
void hub_timer_init(struct hub *hub, uv_timer_t *timer, void *owner);
void hub_timer_close(struct hub *hub, uv_timer_t *timer);

/* ---- jobs */
/* A job on libuv's pool, or on a lane. run() sees only the job; done() runs on the
 * loop, and must free what run() made also when the object is closing. */
struct job {
    struct lane_job lane_job; /* first: each is the other */
    uv_work_t work;
    struct hub *hub;
    void *owner; /* of whoever starts it: for done() */
    void (*run)(struct job *job);
    void (*done)(struct job *job, bool cancelled);
};
void job_start(struct hub *hub, struct job *job);
/* For whatever goes into a cache root. While closing the lanes tell when they have
 * come to rest. */
void job_start_on(struct lane *lane, struct job *job);

#endif
