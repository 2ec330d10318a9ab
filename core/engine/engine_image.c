#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/engine_private.h"
#include "core/engine/trouble.h"

/* Unpacked layers are files by the ten thousand on some file systems. */
#define DEADLINE_MS (2 * 60 * 1000)
#define ANSWER_MAX_BYTES (1024 * 1024)

struct engine_removal {
    struct engine_removal *next;
    struct engine *engine;
    struct http *http;
    engine_removed_cb *on_removed;
    void *arg;
};

static void unlink_removal(struct engine_removal *removal)
{
    struct engine_removal **slot = &removal->engine->removals;
    while (*slot != removal)
        slot = &(*slot)->next;
    *slot = removal->next;
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *err)
{
    struct engine_removal *removal = arg;
    struct err words;
    bool gone = err == NULL && answer->status == 404;
    if (err != NULL)
        trouble_explain(&removal->engine->endpoint, "the removal of an image", err, &words);
    else if (answer->status >= 400 && !gone)
        api_refusal(answer->status, answer->body.data, answer->body.len, &words);
    bool failed = err != NULL || (answer->status >= 400 && !gone);
    unlink_removal(removal);
    removal->on_removed(removal->arg, !failed && !gone, failed ? &words : NULL);
    free(removal);
}

static const struct http_ops answer_ops = {.on_done = on_answer};

int engine_remove_image(struct engine *engine, const char *name, engine_removed_cb *on_removed,
                        void *arg, struct err *err)
{
    if (engine->freed || engine->state != ENGINE_UP)
        return err_set(err, -ENOTCONN, "%s",
                       engine->error.code != 0 ? engine->error.text
                                               : "the engine has not answered yet");
    char *path = api_image_path(engine->version, name);
    if (path == NULL)
        return err_set(err, ERR_USAGE, "\"%s\" is not the name of an image", name);
    struct engine_removal *removal = mem_alloc(sizeof *removal);
    *removal = (struct engine_removal){
        .next = engine->removals, .engine = engine, .on_removed = on_removed, .arg = arg};
    engine->removals = removal;
    struct http_request request = {
        .method = "DELETE",
        .path = path,
        .deadline_ms = DEADLINE_MS,
        .max_body_bytes = ANSWER_MAX_BYTES,
    };
    removal->http = http_start(engine->loop, &engine->target, &request, &answer_ops, removal);
    free(path);
    return 0;
}

void engine_forget_removals(struct engine *engine)
{
    while (engine->removals != NULL) {
        struct engine_removal *removal = engine->removals;
        engine->removals = removal->next;
        http_cancel(removal->http);
        free(removal);
    }
}
