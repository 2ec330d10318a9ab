/* What the files of the engine share: engine.c (the way from "not there" to
 * "up" and back), engine_refresh.c (when to read the records again) and
 * engine_prune.c.
 *
 *      ┌───────────────── pause 0.5 s … 30 s ◄──────────────┐ failed
 *      ▼                                                    │
 *   STEP_PING ──► STEP_INFO ──► STEP_RECORDS ──► STEP_NONE ─┤ the event stream ended:
 *      ▲                             ▲   (up)       │       │ ask for the version anew
 *      └─────────────────────────────┼──────────────┼───────┘
 *                                    └──────────────┘ event, request, time */
#ifndef BILGE_ENGINE_ENGINE_PRIVATE_H
#define BILGE_ENGINE_ENGINE_PRIVATE_H

#include "core/engine/api.h"
#include "core/engine/engine.h"
#include "core/engine/http.h"
#include "core/engine/records_job.h"

/* The question under way. One at a time: a slow engine is never asked twice. */
enum engine_step { STEP_NONE, STEP_PING, STEP_INFO, STEP_RECORDS };

struct engine_prune;
struct engine_image_call;

struct engine {
    uv_loop_t *loop;
    struct endpoint endpoint;
    struct http_target target;
    const char *child[5]; /* argv, for an endpoint that is no unix socket */
    char *address;        /* its "--context=far" */
    bool watch;
    const struct engine_ops *ops;
    void *arg;

    enum engine_state state;
    struct err error; /* code 0: none */
    struct api_info about;
    struct api_version version; /* 0.0: not known yet */
    char api_version[16];

    enum engine_step step;
    struct http *call;       /* of the step; NULL while the records are parsed */
    struct records_job *job; /* NULL: nothing is parsed */
    uv_timer_t timer;        /* down: the next try. up: the next look at the records */
    uint64_t pause_ms;       /* before the next try */

    bool again;                       /* something has changed while a step was under way */
    uint64_t asked_at_ms, read_at_ms; /* loop time: of the last reading of the records */
    struct records last;              /* the sums of the last reading; no items */
    uint64_t look_ms;                 /* from one reading to the next, without events */
    struct http *events;
    uint64_t events_since_ms;
    unsigned short_streams; /* event streams in a row that ended at once */
    bool no_events;         /* this engine doesn't tell: look at times instead */
    uv_fs_event_t socket_watch;
    unsigned socket_events; /* since it is watched */

    struct engine_prune *prunes; /* under way: a list */
    struct engine_image_call *image_calls; /* likewise */
    int open_handles;
    bool freed; /* no more callbacks */
};

/* These only while no step is under way. */
void engine_connect(struct engine *engine);
void engine_connect_in(struct engine *engine, uint64_t delay_ms); /* pauses start anew */
void engine_read_records(struct engine *engine);

/* ---- engine_image.c */
void engine_forget_image_calls(struct engine *engine);

/* ---- engine_refresh.c */

/* The records were read, and there was something new in them or not: listens
 * for changes, and plans the next look. */
void engine_listen(struct engine *engine, bool news);
void engine_stop_listening(struct engine *engine);

/* Reads the records after this time, or sooner when that is planned already. */
void engine_plan_reading(struct engine *engine, uint64_t delay_ms);

/* While it is down: tries at once when its socket appears. */
void engine_watch_socket(struct engine *engine);
void engine_unwatch_socket(struct engine *engine);

#endif
