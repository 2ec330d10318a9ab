#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/engine_private.h"
#include "core/engine/prune_call.h"
#include "core/engine/trouble.h"

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
        trouble_explain(&prune->engine->endpoint, "a prune", err, &words);
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
