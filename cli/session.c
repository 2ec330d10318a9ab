#include "cli/session.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define PEER_DEADLINE_MS 8000
#define WAIT_STEP_S 10 /* so often it is said how long was waited */

static void on_change(void *arg)
{
    (void)arg; /* session_wait() asks after each pass anyway */
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct session *session = signal->data;
    session->signal_number = number;
    session->interrupted = true;
}

static void on_deadline(uv_timer_t *timer)
{
    struct session *session = timer->data;
    session->timed_out = true;
}

static void on_bilge_closed(void *arg)
{
    struct session *session = arg;
    session->closed = true;
}

static void close_loop(struct session *session)
{
    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&session->signals[i], NULL);
    uv_close((uv_handle_t *)&session->timer, NULL);
    uv_run(&session->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&session->loop);
    assert(code == 0);
    (void)code;
}

int session_open(struct session *session, const struct bilge_options *options, struct err *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    *session = (struct session){0};
    int code = uv_loop_init(&session->loop);
    if (code < 0)
        return err_sys(err, code, "starting the event loop");
    for (int i = 0; i < 3; i++) {
        uv_signal_init(&session->loop, &session->signals[i]);
        session->signals[i].data = session;
        uv_signal_start(&session->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&session->loop, &session->timer);
    session->timer.data = session;
    code = bilge_open(&session->loop, options, on_change, session, &session->bilge, err);
    if (code < 0) {
        close_loop(session);
        return code;
    }
    session->store = bilge_store(session->bilge);
    return 0;
}

void session_close(struct session *session)
{
    fflush(stdout); /* closing may take a moment: nobody waits for it to see the answer */
    bilge_close(session->bilge, on_bilge_closed, session);
    while (!session->closed)
        uv_run(&session->loop, UV_RUN_ONCE);
    close_loop(session);
}

enum session_end session_wait(struct session *session, session_until *until, void *arg,
                              uint64_t deadline_ms)
{
    session->timed_out = false;
    uv_update_time(&session->loop);
    if (deadline_ms > 0)
        uv_timer_start(&session->timer, on_deadline, deadline_ms, 0);
    bool reached = until(arg);
    while (!reached && !session->interrupted && !session->timed_out) {
        uv_run(&session->loop, UV_RUN_ONCE);
        reached = until(arg);
    }
    uv_timer_stop(&session->timer);
    if (session->interrupted) {
        session->interrupted = false;
        return SESSION_INTERRUPTED;
    }
    return reached ? SESSION_REACHED : SESSION_TIMEOUT;
}

bool session_interrupted(struct session *session)
{
    uv_run(&session->loop, UV_RUN_NOWAIT);
    bool interrupted = session->interrupted;
    session->interrupted = false;
    return interrupted;
}

/* ----------------------------------------------------------- unfinished */

static void tell_unfinished(const struct unfinished *item)
{
    char *text = unfinished_text(item, true);
    if (item->kind == UNFINISHED_FOREIGN)
        complain("%s", text);
    else if (item->error != NULL)
        complain("%s: %s", text, item->error);
    else
        complain("%s; the next prune finishes it", text);
    free(text);
}

static void tell_what_is_left(const struct session *session, bool foreign, bool ours)
{
    const struct unfinished_list *list = &session->store->unfinished;
    for (size_t i = 0; i < list->len; i++)
        if (list->items[i].kind == UNFINISHED_FOREIGN ? foreign : ours)
            tell_unfinished(&list->items[i]);
}

bool session_tell_finished(struct session *session)
{
    const struct unfinished_list *finished = &session->store->finished;
    for (; session->finished_told < finished->len; session->finished_told++) {
        char *text = unfinished_text(&finished->items[session->finished_told], false);
        complain("finished %s", text);
        free(text);
    }
    tell_what_is_left(session, false, true);
    return !store_has_unfinished(session->store);
}

static void on_finished(void *arg)
{
    *(bool *)arg = true;
}

static bool is_true(void *arg)
{
    return *(bool *)arg;
}

bool session_finish(struct session *session)
{
    struct err err;
    bool done = false, interrupted = false;
    if (!store_has_unfinished(session->store))
        return session_tell_finished(session);
    if (bilge_finish(session->bilge, on_finished, &done, &err) < 0) {
        complain_err(&err);
        return false;
    }
    while (session_wait(session, is_true, &done, 0) == SESSION_INTERRUPTED)
        interrupted = true; /* it goes to its end: nothing may stay set aside */
    session->interrupted |= interrupted;
    return session_tell_finished(session);
}

void session_unfinished_json(struct json *json, const char *key, const struct unfinished_list *list)
{
    json_put_array(json, key);
    for (size_t i = 0; i < list->len; i++) {
        json_put_object(json, NULL);
        json_put_text(json, "path", list->items[i].path);
        json_put_text(json, "kind", unfinished_kind_name(list->items[i].kind));
        json_put_int(json, "items", (int64_t)list->items[i].items);
        json_put_text(json, "error", list->items[i].error);
        json_put_object_end(json);
    }
    json_put_array_end(json);
}

/* --------------------------------------------------------------- settle */

static bool is_settled(void *arg)
{
    const struct store *const *store = arg;
    return store_settled(*store);
}

static bool caches_settled(void *arg)
{
    const struct store *const *store = arg;
    return !(*store)->scanning;
}

/* False: nobody is. */
static bool name_the_silent(const struct store *store, int seconds)
{
    bool any = store->project_load == LOAD_PENDING;
    if (store->project_load == LOAD_PENDING)
        complain("docker compose has not answered for %d s; going on without the project", seconds);
    for (size_t i = 0; i < store->builders_len; i++)
        if (store->builders[i].load == LOAD_PENDING) {
            complain("builder %s has not answered for %d s; going on without its records",
                     store->builders[i].name, seconds);
            any = true;
        }
    return any;
}

void session_patience(struct session *session, const struct globals *globals, bool wants_records)
{
    session->timeout_s = globals->timeout.given ? globals->timeout.value : 0;
    session->wanted_builder = globals->builder;
    session->wants_records = wants_records;
}

static const struct builder *wanted_builder(const struct session *session)
{
    const char *name = session->wanted_builder;
    return name != NULL ? store_builder(session->store, name)
                        : store_selected_builder(session->store);
}

static bool has_records(void *arg)
{
    const struct session *session = arg;
    const struct builder *builder = wanted_builder(session);
    return store_settled(session->store) || builder == NULL || builder->load != LOAD_PENDING;
}

/* An engine that counts very many files takes its time, and starts anew when nobody
 * waits for it. *seconds: so long it was waited for already. */
static enum session_end wait_for_records(struct session *session, int *seconds)
{
    enum session_end end = SESSION_TIMEOUT;
    while (end == SESSION_TIMEOUT && !has_records(session) &&
           (session->timeout_s == 0 || *seconds < session->timeout_s)) {
        int64_t more = session->timeout_s == 0 ? WAIT_STEP_S : session->timeout_s - *seconds;
        int step = more < WAIT_STEP_S ? (int)more : WAIT_STEP_S;
        complain("waiting for the records of builder %s: %d s so far (Ctrl-C stops)",
                 wanted_builder(session)->name, *seconds);
        end = session_wait(session, has_records, session, (uint64_t)step * 1000);
        *seconds += step;
    }
    return end == SESSION_INTERRUPTED      ? end
           : store_settled(session->store) ? SESSION_REACHED
                                           : SESSION_TIMEOUT;
}

int session_settle(struct session *session, struct err *err)
{
    int seconds = PEER_DEADLINE_MS / 1000;
    if (session->timeout_s > 0 && (session->timeout_s < seconds || !session->wants_records))
        seconds = session->timeout_s < INT_MAX / 1000 ? (int)session->timeout_s : INT_MAX / 1000;
    enum session_end end =
        session_wait(session, is_settled, &session->store, (uint64_t)seconds * 1000);
    if (end == SESSION_TIMEOUT && session->wants_records)
        end = wait_for_records(session, &seconds);
    if (end == SESSION_TIMEOUT) {
        bool silent = name_the_silent(session->store, seconds);
        end = session_wait(session, caches_settled, &session->store, 0);
        if (end == SESSION_REACHED && !silent) /* what waited for the caches alone */
            end = session_wait(session, is_settled, &session->store, PEER_DEADLINE_MS);
    }
    if (session->store->history_error != NULL && !session->history_told)
        complain("%s", session->store->history_error);
    session->history_told |= session->store->history_error != NULL;
    if (end == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    size_t at = 0;
    for (const char *error; (error = store_next_root_error(session->store, &at)) != NULL;)
        complain("%s", error);
    tell_what_is_left(session, true, !session->finishes);
    return 0;
}

enum exit_code session_end_code(const struct session *session, enum exit_code code)
{
    size_t at = 0;
    bool failed = store_next_root_error(session->store, &at) != NULL;
    return failed && (code == EXIT_DONE || code == EXIT_PARTLY) ? EXIT_FAILED : code;
}

/* ------------------------------------------------------------- builders */

static int no_such_builder(const struct store *store, const char *name, struct err *err)
{
    struct buf names = {0};
    if (store->builders_load == LOAD_PENDING)
        return err_set(err, ERR_TIMEOUT, "builder %s: docker buildx ls does not answer", name);
    if (store->builders_error != NULL)
        return err_set(err, ERR_PEER, "builder %s: %s", name, store->builders_error);
    for (size_t i = 0; i < store->builders_len; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", store->builders[i].name);
    err_set(err, ERR_USAGE, "there is no builder \"%s\" (there are: %s)", name,
            names.len > 0 ? names.data : "none");
    buf_done(&names);
    return ERR_USAGE;
}

const char *session_builder_error(const struct builder *builder)
{
    if (builder->error != NULL || builder->reachable)
        return builder->error;
    return "no answer in time";
}

int session_builder(const struct session *session, const char *name,
                    const struct builder **ret_builder, struct err *err)
{
    const struct store *store = session->store;
    const struct builder *chosen =
        name != NULL ? store_builder(store, name) : store_selected_builder(store);
    if (chosen == NULL && name != NULL)
        return no_such_builder(store, name, err);
    if (chosen == NULL)
        return err_set(err, -ENOENT, "there is no builder");
    *ret_builder = chosen;
    return 0;
}

/* Of rows of one name the only one whose directory is there; of several, *count is
 * left as it is. With cache_from A and cache_to B only one may exist. */
static const struct service *only_one_there(const struct store *store, const char *name,
                                            size_t *count)
{
    const struct service *found = NULL;
    size_t there = 0;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        if (service->name == NULL || strcmp(service->name, name) != 0 || service->cache == NULL ||
            service->cache->state == CACHE_MISSING)
            continue;
        found = service;
        there++;
    }
    if (there == 1)
        *count = 1;
    return there == 1 ? found : store_service_named(store, name, NULL);
}

int session_service(const struct session *session, const char *name,
                    const struct service **ret_service, struct err *err)
{
    size_t count = 0;
    const struct service *service = store_service(session->store, name);
    if (service == NULL) {
        service = store_service_named(session->store, name, &count);
        if (service == NULL)
            return store_no_service(session->store, name, err);
        if (count > 1)
            service = only_one_there(session->store, name, &count);
        if (count > 1)
            return err_set(err, ERR_USAGE, "%zu caches are named %s; name one by its path", count,
                           name);
    }
    /* A row that shares its directory with another stands for that one. */
    const struct service *owner = service->cache == NULL && service->path != NULL
                                      ? store_service(session->store, service->path)
                                      : service;
    *ret_service = owner != NULL ? owner : service;
    return 0;
}
