#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/engine_private.h"
#include "core/engine/trouble.h"

/* Unpacked layers are files by the ten thousand on some file systems. */
#define DEADLINE_MS (2 * 60 * 1000)
#define ANSWER_MAX_BYTES (16 * 1024 * 1024)

/* A removal, or a look for names. */
struct engine_image_call {
    struct engine_image_call *next;
    struct engine *engine;
    struct http *http;
    engine_removed_cb *on_removed;
    engine_images_cb *on_found;
    char *prefix;
    void *arg;
};

static void call_free(struct engine_image_call *call)
{
    free(call->prefix);
    free(call);
}

static void unlink_call(struct engine_image_call *call)
{
    struct engine_image_call **slot = &call->engine->image_calls;
    while (*slot != call)
        slot = &(*slot)->next;
    *slot = call->next;
}

/* Makes one error of no answer and of a refusal. */
static int check_answer(const struct engine_image_call *call, const struct http_answer *answer,
                        const char *what, const struct err *err, struct err *ret_err)
{
    if (err != NULL) {
        trouble_explain(&call->engine->endpoint, what, err, ret_err);
        return ret_err->code;
    }
    if (answer->status >= 400)
        return api_refusal(answer->status, answer->body.data, answer->body.len, ret_err);
    return 0;
}

static void on_removal(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine_image_call *call = arg;
    struct err words;
    bool gone = err == NULL && answer->status == 404;
    int code = gone ? 0 : check_answer(call, answer, "the removal of an image", err, &words);
    unlink_call(call);
    call->on_removed(call->arg, code == 0 && !gone, code < 0 ? &words : NULL);
    call_free(call);
}

static void on_list(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine_image_call *call = arg;
    struct err words;
    char **names = NULL;
    size_t len = 0;
    int code = check_answer(call, answer, "the list of images", err, &words);
    if (code == 0)
        code = api_parse_images(answer->body.data, answer->body.len, call->prefix, &names, &len,
                                &words);
    unlink_call(call);
    call->on_found(call->arg, names, len, code < 0 ? &words : NULL);
    for (size_t i = 0; i < len; i++)
        free(names[i]);
    free(names);
    call_free(call);
}

static int check_up(const struct engine *engine, struct err *err)
{
    if (!engine->freed && engine->state == ENGINE_UP)
        return 0;
    return err_set(err, -ENOTCONN, "%s",
                   engine->error.code != 0 ? engine->error.text
                                           : "the engine has not answered yet");
}

/* Uses up `path`. */
static void start(struct engine *engine, struct engine_image_call *call, const char *method,
                  char *path, const struct http_ops *ops)
{
    call->engine = engine;
    call->next = engine->image_calls;
    engine->image_calls = call;
    struct http_request request = {
        .method = method,
        .path = path,
        .deadline_ms = DEADLINE_MS,
        .max_body_bytes = ANSWER_MAX_BYTES,
    };
    call->http = http_start(engine->loop, &engine->target, &request, ops, call);
    free(path);
}

int engine_remove_image(struct engine *engine, const char *name, engine_removed_cb *on_removed,
                        void *arg, struct err *err)
{
    static const struct http_ops ops = {.on_done = on_removal};
    int code = check_up(engine, err);
    if (code < 0)
        return code;
    char *path = api_image_path(engine->version, name);
    if (path == NULL)
        return err_set(err, ERR_USAGE, "\"%s\" is not the name of an image", name);
    struct engine_image_call *call = mem_zalloc(sizeof *call);
    call->on_removed = on_removed;
    call->arg = arg;
    start(engine, call, "DELETE", path, &ops);
    return 0;
}

int engine_find_images(struct engine *engine, const char *prefix, engine_images_cb *on_found,
                       void *arg, struct err *err)
{
    static const struct http_ops ops = {.on_done = on_list};
    int code = check_up(engine, err);
    if (code < 0)
        return code;
    struct engine_image_call *call = mem_zalloc(sizeof *call);
    call->on_found = on_found;
    call->prefix = mem_strdup(prefix);
    call->arg = arg;
    start(engine, call, "GET", api_images_path(engine->version, prefix), &ops);
    return 0;
}

void engine_forget_image_calls(struct engine *engine)
{
    while (engine->image_calls != NULL) {
        struct engine_image_call *call = engine->image_calls;
        engine->image_calls = call->next;
        http_cancel(call->http);
        call_free(call);
    }
}
