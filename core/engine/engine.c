#include "core/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/engine/engine_private.h"
#include "core/engine/trouble.h"

#define PING_DEADLINE_MS 3000
#define INFO_DEADLINE_MS 10000
#define RECORDS_DEADLINE_MS 30000
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

void engine_connect_in(struct engine *engine, uint64_t delay_ms)
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
    trouble_explain(&engine->endpoint, doing, err, &error);
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

static void on_records_answer(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine *engine = arg;
    struct err own;
    engine->call = NULL;
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

void engine_read_records(struct engine *engine)
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
    snprintf(engine->api_version, sizeof engine->api_version, "%d.%d", engine->version.major,
             engine->version.minor);
    char *path = api_info_path(engine->version);
    ask(engine, STEP_INFO, path, INFO_DEADLINE_MS, SMALL_ANSWER_BYTES, &info_ops);
    free(path);
}

static const struct http_ops ping_ops = {.on_done = on_ping};

void engine_connect(struct engine *engine)
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
    engine->address = named ? mem_printf("--context=%s", copy->context)
                            : mem_printf("--host=%s", copy->host);
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
    engine_forget_image_calls(engine);
    uv_close((uv_handle_t *)&engine->timer, on_closed);
    uv_close((uv_handle_t *)&engine->socket_watch, on_closed);
}
