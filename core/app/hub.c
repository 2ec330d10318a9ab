

#include "core/app/hub.h"

#include <stdlib.h>

#include "core/base/mem.h"

struct turn {
    void (*run)(void *owner);
    void *owner;
};

struct hub {
    uv_loop_t *loop;
    struct store *store;
    struct hub_ops ops;
    void *arg;
    uv_idle_t idle;
    struct turn turns[TURNS];
    bool closing;
    size_t jobs; /* on the pool */
    int open_handles;
};

struct hub *hub_new(uv_loop_t *loop, const struct hub_ops *ops, void *arg)
{
    struct hub *hub = mem_zalloc(sizeof *hub);
    hub->loop = loop;
    hub->store = store_new();
    hub->ops = *ops;
    hub->arg = arg;
    return hub;
}

void hub_open(struct hub *hub)
{
    uv_idle_init(hub->loop, &hub->idle);
    hub->idle.data = hub;
    hub->open_handles++;
}

void hub_free(struct hub *hub)
{
    store_free(hub->store);
    free(hub);
}

uv_loop_t *hub_loop(const struct hub *hub)
{
    return hub->loop;
}

struct store *hub_store(const struct hub *hub)
{
    return hub->store;
}

/* -------------------------------------------------------------------- turns */

void hub_set_turn(struct hub *hub, enum hub_turn turn, void (*run)(void *owner), void *owner)
{
    hub->turns[turn] = (struct turn){run, owner};
}

static void on_idle(uv_idle_t *idle)
{
    struct hub *hub = idle->data;
    /* Before anything else, so that whatever moves from here on starts it
     * again: that then runs in the next pass. */
    uv_idle_stop(idle);
    for (size_t i = 0; i < TURNS && !hub->closing; i++)
        if (hub->turns[i].run != NULL)
            hub->turns[i].run(hub->turns[i].owner);
}

void hub_wake(struct hub *hub)
{
    if (!hub->closing)
        uv_idle_start(&hub->idle, on_idle);
}

void hub_moved(struct hub *hub)
{
    store_touch(hub->store);
    hub_wake(hub);
}

/* ------------------------------------------------------------------ closing */

void hub_close(struct hub *hub)
{
    hub->closing = true;
    uv_idle_stop(&hub->idle);
}

bool hub_is_closing(const struct hub *hub)
{
    return hub->closing;
}

void hub_rest(struct hub *hub)
{
    if (hub->closing)
        hub->ops.on_rest(hub->arg);
}

bool hub_is_busy(const struct hub *hub)
{
    return hub->jobs > 0 || uv_is_closing((const uv_handle_t *)&hub->idle);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct hub *hub = handle->data;
    if (--hub->open_handles == 0)
        hub->ops.on_closed(hub->arg);
}

static void close_handle(struct hub *hub, uv_handle_t *handle)
{
    handle->data = hub;
    uv_close(handle, on_handle_closed);
}

void hub_end(struct hub *hub)
{
    close_handle(hub, (uv_handle_t *)&hub->idle);
}

void hub_timer_init(struct hub *hub, uv_timer_t *timer, void *owner)
{
    uv_timer_init(hub->loop, timer);
    timer->data = owner;
    hub->open_handles++;
}

void hub_timer_close(struct hub *hub, uv_timer_t *timer)
{
    close_handle(hub, (uv_handle_t *)timer);
}

/* --------------------------------------------------------------------- jobs */

static void job_run(uv_work_t *work)
{
    struct job *job = work->data;
    job->run(job);
}

static void job_done(uv_work_t *work, int status)
{
    struct job *job = work->data;
    struct hub *hub = job->hub;
    hub->jobs--;
    job->done(job, status == UV_ECANCELED);
    hub_rest(hub);
}

static void job_run_on(struct lane_job *lane_job)
{
    struct job *job = (struct job *)lane_job;
    job->run(job);
}

static void job_done_on(struct lane_job *lane_job, bool cancelled)
{
    struct job *job = (struct job *)lane_job;
    job->done(job, cancelled);
}

void job_start_on(struct lane *lane, struct job *job)
{
    job->lane_job.run = job_run_on;
    job->lane_job.told = NULL;
    job->lane_job.done = job_done_on;
    lane_add(lane, &job->lane_job);
}

void job_start(struct hub *hub, struct job *job)
{
    job->hub = hub;
    job->work.data = job;
    hub->jobs++;
    uv_queue_work(hub->loop, &job->work, job_run, job_done);
}
