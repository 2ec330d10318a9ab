#include "core/engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/engine/api.h"
#include "core/engine/engine_error.h"
#include "core/engine/http.h"
#include "core/engine/prune_call.h"
#include "core/engine/records_job.h"

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

/* The question under way. One at a time: a slow engine is never asked twice. */
enum engine_step { STEP_NONE, STEP_PING, STEP_INFO, STEP_RECORDS };

struct engine_prune;

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
    bool raised; /* to the engine's own minimum */

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
    int open_handles;
    bool freed; /* no more callbacks */
};

static void engine_connect(struct engine *engine);
static void engine_listen(struct engine *engine, bool news);
static void engine_stop_listening(struct engine *engine);
static void engine_plan_reading(struct engine *engine, uint64_t delay_ms);
static void engine_watch_socket(struct engine *engine);
static void engine_unwatch_socket(struct engine *engine);

#define PING_DEADLINE_MS 3000
#define INFO_DEADLINE_MS 10000
/* The first count after a change walks every file: 1.5 million took 22 s. Whoever
 * hangs up stops the count, and never gets an answer. */
#define RECORDS_DEADLINE_MS (10 * 60 * 1000)
/* A child has to start, and perhaps to log in somewhere, first. */
#define CHILD_EXTRA_MS 15000
#define SMALL_ANSWER_BYTES (4 * 1024 * 1024)
#define RECORDS_MAX_BYTES (64 * 1024 * 1024)
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 30000
/* Each try costs a process there. */
#define PAUSE_MAX_CHILD_MS 300000

/* ------------------------------------------------------- down, and again up */

static void on_retry(uv_timer_t *timer)
{
    engine_connect(timer->data);
}

static void engine_connect_in(struct engine *engine, uint64_t delay_ms)
{
    engine->pause_ms = PAUSE_FIRST_MS;
    uv_timer_start(&engine->timer, on_retry, delay_ms, 0);
}

static void plan_retry(struct engine *engine)
{
    uint64_t most = engine->target.socket_path != NULL ? PAUSE_MAX_MS : PAUSE_MAX_CHILD_MS;
    uv_timer_start(&engine->timer, on_retry, engine->pause_ms, 0);
    engine->pause_ms = engine->pause_ms * 2 < most ? engine->pause_ms * 2 : most;
    engine_watch_socket(engine);
}

static void fail(struct engine *engine, const char *doing, const struct err *err)
{
    struct err error;
    engine_error_explain(&engine->endpoint, doing, err, &error);
    bool news = engine->state != ENGINE_DOWN || strcmp(engine->error.text, error.text) != 0;
    engine->step = STEP_NONE;
    engine->state = ENGINE_DOWN;
    engine->error = error;
    engine_stop_listening(engine);
    if (engine->again) {
        engine->again = false;
        engine_connect_in(engine, 0);
    } else if (engine->watch) {
        plan_retry(engine);
    }
    if (news)
        engine->ops->on_state(engine->arg);
}

static bool differs(const struct records *a, const struct records *b)
{
    return a->len != b->len || a->size_bytes != b->size_bytes ||
           a->reclaimable_bytes != b->reclaimable_bytes || a->shared_bytes != b->shared_bytes;
}

static void become_up(struct engine *engine, const struct records *records)
{
    bool news = engine->state != ENGINE_UP;
    bool other_records = news || differs(&engine->last, records);
    engine->step = STEP_NONE;
    engine->state = ENGINE_UP;
    engine->pause_ms = PAUSE_FIRST_MS;
    err_clear(&engine->error);
    engine_unwatch_socket(engine);
    engine->last = *records;
    engine->last.items = NULL;
    engine_listen(engine, other_records);
    if (news)
        engine->ops->on_state(engine->arg);
}

/* ------------------------------------------------------------- the questions */

static void ask(struct engine *engine, enum engine_step step, const char *path,
                uint64_t deadline_ms, size_t max_body_bytes, const struct http_ops *ops)
{
    struct http_request request = {
        .method = "GET",
        .path = path,
        .deadline_ms = deadline_ms + (engine->target.socket_path == NULL ? CHILD_EXTRA_MS : 0),
        .max_body_bytes = max_body_bytes,
    };
    engine->step = step;
    engine->call = http_start(engine->loop, &engine->target, &request, ops, engine);
}

/* An answer that is no success is an error too. Returns what went wrong, or
 * NULL; `own` is room for it. */
static const struct err *problem(const struct http_answer *answer, const struct err *err,
                                 struct err *own)
{
    if (err != NULL || answer->status == 200)
        return err;
    api_refusal(answer->status, answer->body.data, answer->body.len, own);
    return own;
}

static void on_parsed(void *arg, struct records *records, const struct err *err)
{
    struct engine *engine = arg;
    engine->job = NULL;
    if (err != NULL) {
        fail(engine, "its records", err);
        return;
    }
    engine->read_at_ms = uv_now(engine->loop);
    become_up(engine, records);
    if (engine->freed)
        records_free(records);
    else
        engine->ops->on_records(engine->arg, records);
}

static void ask_info(struct engine *engine);

/* An administrator may have set the minimum above what we know: then we ask in that
 * version, once. */
static bool is_raised(struct engine *engine, const struct http_answer *answer)
{
    if (answer == NULL || answer->status != 400 || engine->raised ||
        !api_raise(&engine->version, answer->body.data, answer->body.len))
        return false;
    engine->raised = true;
    return true;
}

static void on_records_answer(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine *engine = arg;
    struct err own;
    engine->call = NULL;
    if (is_raised(engine, answer)) {
        ask_info(engine);
        return;
    }
    err = problem(answer, err, &own);
    if (err != NULL) {
        fail(engine, "its records", err);
        return;
    }
    size_t len = answer->body.len;
    engine->job = records_job_start(engine->loop, records_parse_df, buf_take(&answer->body), len,
                                    on_parsed, engine);
}

static const struct http_ops records_ops = {.on_done = on_records_answer};

static void engine_read_records(struct engine *engine)
{
    char *path = api_df_path(engine->version);
    engine->again = false;
    engine->asked_at_ms = uv_now(engine->loop);
    uv_timer_stop(&engine->timer);
    ask(engine, STEP_RECORDS, path, RECORDS_DEADLINE_MS, RECORDS_MAX_BYTES, &records_ops);
    free(path);
}

/* Its version and data root are good to know, no more: without them it goes on. */
static void on_info(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine *engine = arg;
    struct api_info about;
    engine->call = NULL;
    if (err != NULL) {
        fail(engine, "its version", err);
        return;
    }
    if (answer->status == 200 &&
        api_parse_info(answer->body.data, answer->body.len, &about, NULL) == 0) {
        api_info_done(&engine->about);
        engine->about = about;
    }
    engine_read_records(engine);
}

static const struct http_ops info_ops = {.on_done = on_info};

static void ask_info(struct engine *engine)
{
    snprintf(engine->api_version, sizeof engine->api_version, "%d.%d", engine->version.major,
             engine->version.minor);
    char *path = api_info_path(engine->version);
    ask(engine, STEP_INFO, path, INFO_DEADLINE_MS, SMALL_ANSWER_BYTES, &info_ops);
    free(path);
}

static void on_ping(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine *engine = arg;
    struct err own;
    engine->call = NULL;
    err = problem(answer, err, &own);
    if (err == NULL && api_choose(answer->api_version, &engine->version, &own) < 0)
        err = &own;
    if (err != NULL) {
        fail(engine, "a sign of life", err);
        return;
    }
    engine->raised = false;
    ask_info(engine);
}

static const struct http_ops ping_ops = {.on_done = on_ping};

/* These only while no step is under way. */
static void engine_connect(struct engine *engine)
{
    uv_timer_stop(&engine->timer);
    ask(engine, STEP_PING, "/_ping", PING_DEADLINE_MS, SMALL_ANSWER_BYTES, &ping_ops);
}

/* ---------------------------------------------------------------- life cycle */

static void copy_endpoint(struct engine *engine, const struct endpoint *endpoint)
{
    struct endpoint *copy = &engine->endpoint;
    copy->context = mem_strdup(endpoint->context);
    copy->host = mem_strdup(endpoint->host);
    mem_replace(&copy->socket_path, endpoint->socket_path);
    bool named = strcmp(copy->context, "default") != 0;
    engine->address =
        named ? mem_printf("--context=%s", copy->context) : mem_printf("--host=%s", copy->host);
    const char *const child[] = {"docker", engine->address, "system", "dial-stdio", NULL};
    memcpy(engine->child, child, sizeof child);
    engine->target.socket_path = copy->socket_path;
    engine->target.child = engine->child;
}

struct engine *engine_open(uv_loop_t *loop, const struct endpoint *endpoint, bool watch,
                           const struct engine_ops *ops, void *arg)
{
    struct engine *engine = mem_zalloc(sizeof *engine);
    engine->loop = loop;
    engine->watch = watch;
    engine->ops = ops;
    engine->arg = arg;
    copy_endpoint(engine, endpoint);
    uv_timer_init(loop, &engine->timer);
    uv_fs_event_init(loop, &engine->socket_watch);
    engine->timer.data = engine->socket_watch.data = engine;
    engine->open_handles = 2;
    engine_connect_in(engine, 0);
    return engine;
}

struct engine_info engine_info(const struct engine *engine)
{
    return (struct engine_info){
        .state = engine->state,
        .error = engine->error.code != 0 ? engine->error.text : NULL,
        .version = engine->about.version,
        .api_version = engine->api_version[0] != '\0' ? engine->api_version : NULL,
        .data_root = engine->about.data_root,
        .containerd_store = engine->about.containerd_store,
    };
}

void engine_refresh(struct engine *engine)
{
    if (engine->step != STEP_NONE)
        engine->again = true;
    else if (engine->state == ENGINE_UP)
        engine_plan_reading(engine, 0);
    else
        engine_connect_in(engine, 0);
}

static void on_closed(uv_handle_t *handle)
{
    struct engine *engine = handle->data;
    if (--engine->open_handles > 0)
        return;
    endpoint_done(&engine->endpoint);
    free(engine->address);
    api_info_done(&engine->about);
    free(engine);
}

void engine_free(struct engine *engine)
{
    if (engine == NULL)
        return;
    engine->freed = true;
    http_cancel(engine->call);
    records_job_drop(engine->job);
    engine_stop_listening(engine);
    engine_prune_cancel(engine);
    uv_close((uv_handle_t *)&engine->timer, on_closed);
    uv_close((uv_handle_t *)&engine->socket_watch, on_closed);
}

/* When to read the records again. An event says that something may have changed;
 * however many come, the records are read at most once a second, and with
 * pauses four times as long as the reading takes.
 *
 * Events alone won't do: with the containerd image store, engine 26.1 sends none
 * for a build, and none ever sends one for `docker buildx prune`. So there is a
 * look at times, too: soon again as long as there is something new each time,
 * and once a minute when there is not. */

#define EVENT_DELAY_MS 300 /* events come in bursts */
#define GAP_MIN_MS 1000
#define GAP_FACTOR 4
#define LOOK_FIRST_MS 5000
#define LOOK_MAX_MS 60000
#define EVENTS_DEADLINE_MS 10000 /* for its headers */
#define REFUSAL_MAX_BYTES 65536
#define SHORT_STREAM_MS 5000
#define SHORT_STREAMS_MAX 3
#define SOCKET_DELAY_MS 100
#define SOCKET_EVENTS_MAX 256

static void on_due(uv_timer_t *timer)
{
    engine_read_records(timer->data);
}

/* Reads the records after this time, or sooner when that is planned already. */
static void engine_plan_reading(struct engine *engine, uint64_t delay_ms)
{
    uv_timer_t *timer = &engine->timer;
    if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > delay_ms)
        uv_timer_start(timer, on_due, delay_ms, 0);
}

static void plan_after_event(struct engine *engine)
{
    uint64_t now = uv_now(engine->loop);
    uint64_t gap = (engine->read_at_ms - engine->asked_at_ms) * GAP_FACTOR;
    uint64_t earliest = engine->read_at_ms + (gap > GAP_MIN_MS ? gap : GAP_MIN_MS);
    uint64_t at = now + EVENT_DELAY_MS;
    engine_plan_reading(engine, (at > earliest ? at : earliest) - now);
}

/* What happened doesn't matter: the filters let only such events through as
 * may change the build cache. */
static void on_events_body(void *arg, const char *data, size_t len)
{
    struct engine *engine = arg;
    (void)data;
    (void)len;
    if (engine->step != STEP_NONE)
        engine->again = true;
    else
        plan_after_event(engine);
}

static void on_events_done(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine *engine = arg;
    bool was_short = uv_now(engine->loop) - engine->events_since_ms < SHORT_STREAM_MS;
    engine->events = NULL;
    engine->short_streams = was_short ? engine->short_streams + 1 : 0;
    engine->no_events =
        engine->short_streams >= SHORT_STREAMS_MAX || (answer != NULL && answer->status != 200);
    log_note("engine %s: events ended, %s", engine->endpoint.host,
             err != NULL         ? err->text
             : engine->no_events ? "not asked again"
                                 : "closed");
    if (engine->no_events || engine->step != STEP_NONE)
        return;
    /* Most likely it is gone, and when it is back it may be another version. */
    engine_connect(engine);
}

static const struct http_ops events_ops = {.on_body = on_events_body, .on_done = on_events_done};

static void start_events(struct engine *engine)
{
    char *path = api_events_path(engine->version);
    struct http_request request = {
        .method = "GET",
        .path = path,
        .deadline_ms = EVENTS_DEADLINE_MS,
        .max_body_bytes = REFUSAL_MAX_BYTES,
    };
    engine->events_since_ms = uv_now(engine->loop);
    engine->events = http_start(engine->loop, &engine->target, &request, &events_ops, engine);
    free(path);
}

static void plan_look(struct engine *engine, bool news)
{
    uint64_t longer = engine->look_ms * 2 < LOOK_MAX_MS ? engine->look_ms * 2 : LOOK_MAX_MS;
    engine->look_ms = news ? LOOK_FIRST_MS : longer;
    engine_plan_reading(engine, engine->look_ms);
}

/* The records were read, and there was something new in them or not: listens
 * for changes, and plans the next look. */
static void engine_listen(struct engine *engine, bool news)
{
    if (engine->watch && engine->events == NULL && !engine->no_events)
        start_events(engine);
    /* Elsewhere every look costs a process, and no process is run by a timer. */
    if (engine->watch && engine->target.socket_path != NULL)
        plan_look(engine, news);
    if (engine->again)
        plan_after_event(engine);
}

static void engine_stop_listening(struct engine *engine)
{
    http_cancel(engine->events);
    engine->events = NULL;
    engine->short_streams = 0;
    engine->no_events = false;
}

/* ---------------------------------------------------------------- the socket */

static void on_socket_event(uv_fs_event_t *watch, const char *name, int events, int status)
{
    struct engine *engine = watch->data;
    (void)events;
    /* Who floods the directory must not hold up the loop; the pauses between
     * tries do without. */
    if (++engine->socket_events > SOCKET_EVENTS_MAX) {
        engine_unwatch_socket(engine);
        return;
    }
    if (status < 0 || name == NULL || strcmp(name, path_name(engine->target.socket_path)) != 0 ||
        engine->step != STEP_NONE)
        return;
    engine_connect_in(engine, SOCKET_DELAY_MS);
}

/* While it is down: tries at once when its socket appears. */
static void engine_watch_socket(struct engine *engine)
{
    const char *path = engine->target.socket_path;
    if (path == NULL || strchr(path, '/') == NULL ||
        uv_is_active((uv_handle_t *)&engine->socket_watch))
        return;
    char *dir = path_parent(path);
    /* Where it can't be watched (no such directory yet), the pauses have to do. */
    engine->socket_events = 0;
    uv_fs_event_start(&engine->socket_watch, on_socket_event, dir, 0);
    free(dir);
}

static void engine_unwatch_socket(struct engine *engine)
{
    uv_fs_event_stop(&engine->socket_watch);
}

struct engine_prune {
    struct engine_prune *next;
    struct engine *engine;
    struct prune_call *call;
    engine_prune_cb *on_pruned;
    void *arg;
};

static void unlink_prune(struct engine_prune *prune)
{
    struct engine_prune **slot = &prune->engine->prunes;
    while (*slot != prune)
        slot = &(*slot)->next;
    *slot = prune->next;
}

static void on_done(void *arg, const struct api_pruned *pruned, const struct err *err)
{
    struct engine_prune *prune = arg;
    struct err words;
    if (err != NULL)
        engine_error_explain(&prune->engine->endpoint, "a prune", err, &words);
    unlink_prune(prune);
    engine_refresh(prune->engine);
    prune->on_pruned(prune->arg, pruned->ids, pruned->ids_len, pruned->freed_bytes,
                     err != NULL ? &words : NULL);
    free(prune);
}

int engine_prune(struct engine *engine, const char *const *ids, size_t ids_len, bool all,
                 engine_prune_cb *on_pruned, void *arg, struct err *err)
{
    if (engine->freed || engine->state != ENGINE_UP)
        return err_set(err, -ENOTCONN, "%s",
                       engine->error.code != 0 ? engine->error.text
                                               : "the engine has not answered yet");
    struct engine_prune *prune = mem_alloc(sizeof *prune);
    *prune = (struct engine_prune){
        .next = engine->prunes, .engine = engine, .on_pruned = on_pruned, .arg = arg};
    int code = prune_call_start(engine->loop, &engine->target, engine->version, ids, ids_len, all,
                                on_done, prune, &prune->call, err);
    if (code < 0) {
        free(prune);
        return code;
    }
    engine->prunes = prune;
    return 0;
}

void engine_prune_cancel(struct engine *engine)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, "the prune was cancelled");
    struct engine_prune *prune = engine->prunes, *next;
    engine->prunes = NULL;
    for (; prune != NULL; prune = next) {
        next = prune->next;
        const struct api_pruned *pruned = prune_call_pruned(prune->call);
        prune->on_pruned(prune->arg, pruned->ids, pruned->ids_len, pruned->freed_bytes, &err);
        prune_call_cancel(prune->call);
        free(prune);
    }
}
