/* When to read the records again. An event says that something may have changed;
 * however many come, the records are read at most once a second, and with
 * pauses four times as long as the reading takes.
 *
 * Events alone won't do: with the containerd image store, engine 26.1 sends none
 * for a build, and none ever sends one for `docker buildx prune`. So there is a
 * look at times, too: soon again as long as there is something new each time,
 * and once a minute when there is not. */
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/engine/engine_private.h"

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

void engine_plan_reading(struct engine *engine, uint64_t delay_ms)
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

void engine_listen(struct engine *engine, bool news)
{
    if (engine->watch && engine->events == NULL && !engine->no_events)
        start_events(engine);
    /* Elsewhere every look costs a process, and no process is run by a timer. */
    if (engine->watch && engine->target.socket_path != NULL)
        plan_look(engine, news);
    if (engine->again)
        plan_after_event(engine);
}

void engine_stop_listening(struct engine *engine)
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

void engine_watch_socket(struct engine *engine)
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

void engine_unwatch_socket(struct engine *engine)
{
    uv_fs_event_stop(&engine->socket_watch);
}
