#include "core/engine/prune_call.h"

#include <stdlib.h>

#include "core/base/mem.h"

/* Deleting gigabytes of small files takes minutes on a slow disk. */
#define DEADLINE_MS (10 * 60 * 1000)
#define ANSWER_MAX_BYTES (16 * 1024 * 1024)

struct prune_call {
    uv_loop_t *loop;
    const struct http_target *target;
    struct api_version version;
    char **ids;
    size_t ids_len;
    size_t next; /* the first that no request has named yet */
    bool all;
    struct http *http;
    struct api_pruned pruned;
    prune_call_cb *on_done;
    void *arg;
};

static void call_free(struct prune_call *call)
{
    for (size_t i = 0; i < call->ids_len; i++)
        free(call->ids[i]);
    free(call->ids);
    api_pruned_done(&call->pruned);
    free(call);
}

static void finish(struct prune_call *call, const struct err *err)
{
    call->on_done(call->arg, &call->pruned, err);
    call_free(call);
}

static void send_next(struct prune_call *call);

static void on_answer(void *arg, struct http_answer *answer, const struct err *err)
{
    struct prune_call *call = arg;
    struct api_pruned pruned;
    struct err own;
    call->http = NULL;
    if (err == NULL && answer->status != 200) {
        api_refusal(answer->status, answer->body.data, answer->body.len, &own);
        err = &own;
    } else if (err == NULL) {
        if (api_parse_pruned(answer->body.data, answer->body.len, &pruned, &own) < 0)
            err = &own;
        else
            api_pruned_add(&call->pruned, &pruned);
    }
    if (err != NULL || call->next == call->ids_len)
        finish(call, err);
    else
        send_next(call);
}

static const struct http_ops answer_ops = {.on_done = on_answer};

static void send_next(struct prune_call *call)
{
    size_t used;
    char *path = api_prune_path(call->version, (const char *const *)call->ids + call->next,
                                call->ids_len - call->next, call->all, &used);
    struct http_request request = {
        .method = "POST",
        .path = path,
        .deadline_ms = DEADLINE_MS,
        .max_body_bytes = ANSWER_MAX_BYTES,
    };
    call->next += used;
    call->http = http_start(call->loop, call->target, &request, &answer_ops, call);
    free(path);
}

int prune_call_start(uv_loop_t *loop, const struct http_target *target, struct api_version version,
                     const char *const *ids, size_t ids_len, bool all, prune_call_cb *on_done,
                     void *arg, struct prune_call **ret_call, struct err *err)
{
    if (ids_len == 0)
        return err_set(err, ERR_USAGE, "no records to prune were named");
    for (size_t i = 0; i < ids_len; i++)
        if (!api_is_record_id(ids[i]))
            return err_set(err, ERR_USAGE, "\"%s\" is not the id of a record", ids[i]);
    struct prune_call *call = mem_alloc(sizeof *call);
    *call = (struct prune_call){
        .loop = loop,
        .target = target,
        .version = version,
        .ids = mem_alloc(ids_len * sizeof *call->ids),
        .ids_len = ids_len,
        .all = all,
        .on_done = on_done,
        .arg = arg,
    };
    for (size_t i = 0; i < ids_len; i++)
        call->ids[i] = mem_strdup(ids[i]);
    send_next(call);
    *ret_call = call;
    return 0;
}

void prune_call_cancel(struct prune_call *call)
{
    http_cancel(call->http);
    call_free(call);
}

const struct api_pruned *prune_call_pruned(const struct prune_call *call)
{
    return &call->pruned;
}
