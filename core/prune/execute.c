#include "core/prune/execute.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/prune/executor.h"

static void on_closed(uv_handle_t *handle)
{
    struct execute *execute = handle->data;
    const struct execute_ops *ops = execute->ops;
    void *arg = execute->arg;
    execute_caches_free(execute);
    free(execute->over);
    free(execute);
    ops->on_done(arg);
}

void execute_step(struct execute *execute)
{
    execute->ops->on_progress(execute->arg, execute->items_done,
                              atomic_load(&execute->freed_bytes));
    bool caches_left = !atomic_load(&execute->cancelled) && execute->jobs_left > 0;
    if (execute->closing || caches_left || execute->jobs_running > 0 || execute->records != NULL)
        return;
    execute->closing = true;
    uv_close((uv_handle_t *)&execute->async, on_closed);
}

static void on_async(uv_async_t *async)
{
    struct execute *execute = async->data;
    if (!execute->started) {
        execute->started = true;
        execute_caches_start(execute);
        execute_records_start(execute);
    }
    if (!execute->closing)
        execute_step(execute);
}

void execute_item_over(struct execute *execute, size_t item, const struct err *err)
{
    execute->items_done++;
    execute->over[item] = true;
    if (err != NULL)
        execute->ops->on_failure(execute->arg, item, err);
}

struct execute *execute_start(uv_loop_t *loop, const struct plan *plan,
                              const struct execute_env *env, const struct execute_ops *ops,
                              void *arg)
{
    struct execute *execute = mem_zalloc(sizeof *execute);
    execute->loop = loop;
    execute->plan = plan;
    execute->env = *env;
    execute->ops = ops;
    execute->arg = arg;
    execute->over = mem_zalloc(plan->items_len + 1);
    uv_async_init(loop, &execute->async, on_async);
    execute->async.data = execute;
    uv_async_send(&execute->async); /* all begins in the loop, callbacks too */
    return execute;
}

bool execute_is_stuck(const struct execute *execute,
                      bool (*is_silent)(void *arg, const struct lane *lane), void *arg)
{
    if (execute->records != NULL || execute->closing || execute->jobs_running == 0)
        return false;
    return execute_caches_hang(execute, is_silent, arg);
}

void execute_each_left(const struct execute *execute, void (*cb)(void *arg, size_t index),
                       void *arg)
{
    for (size_t i = 0; i < execute->plan->items_len; i++)
        if (!execute->over[i])
            cb(arg, i);
}

void execute_leave(struct execute *execute)
{
    if (!execute->closing)
        uv_close((uv_handle_t *)&execute->async, NULL);
    execute->closing = true;
}

void execute_cancel(struct execute *execute)
{
    atomic_store(&execute->cancelled, true);
    if (!execute->closing)
        uv_async_send(&execute->async);
}

void execute_hang_up(struct execute *execute)
{
    execute_cancel(execute);
    if (execute->records != NULL)
        execute_records_hang_up(execute);
}
