#include "core/base/lane.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

struct worker {
    struct lane *lane;
    pthread_t thread;
    bool alive;
    struct lane_job *job; /* NULL: between two jobs */
    int64_t moved_ms;     /* when it was last seen to have got further */
    int64_t cpu_ns;       /* of its thread, at that time */
};

struct lane {
    uv_async_t async;
    lane_turn_cb *on_turn;
    void *arg;
    size_t pending; /* jobs whose done() has not run; of the loop's thread */

    pthread_mutex_t lock;               /* of all below */
    struct lane_job *first, **end;      /* not begun */
    struct lane_job *over, **overs_end; /* done() is to be called */
    struct worker workers[LANE_THREADS];
    size_t users; /* threads, and the owner until the handle is closed */
    bool closed;
};

/* ------------------------------------------------------------------ queues */

static void put(struct lane_job ***end, struct lane_job *job)
{
    job->next = NULL;
    **end = job;
    *end = &job->next;
}

static struct lane_job *take(struct lane_job **first, struct lane_job ***end)
{
    struct lane_job *job = *first;
    if (job == NULL)
        return NULL;
    *first = job->next;
    if (*first == NULL)
        *end = first;
    return job;
}

static void put_over(struct lane *lane, struct lane_job *job)
{
    put(&lane->overs_end, job);
    uv_async_send(&lane->async);
}

/* ----------------------------------------------------------------- threads */

/* How much a thread has worked: it stands still while the thread waits in a
 * call. Where a system does not tell, it is taken to move. */
static int64_t worked_ns(const struct worker *worker)
{
#if defined(_POSIX_THREAD_CPUTIME) && _POSIX_THREAD_CPUTIME >= 0
    struct timespec time;
    clockid_t clock;
    if (pthread_getcpuclockid(worker->thread, &clock) == 0 && clock_gettime(clock, &time) == 0)
        return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
#endif
    return worker->cpu_ns + 1;
}

/* With the lock held, which it gives back. */
static void leave(struct lane *lane)
{
    bool last = --lane->users == 0;
    pthread_mutex_unlock(&lane->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct lane *lane = worker->lane;
    pthread_mutex_lock(&lane->lock);
    while (!lane->closed && (worker->job = take(&lane->first, &lane->end)) != NULL) {
        struct lane_job *job = worker->job;
        worker->moved_ms = clock_mono_ms();
        worker->cpu_ns = -1;
        pthread_mutex_unlock(&lane->lock);
        job->run(job);
        pthread_mutex_lock(&lane->lock);
        worker->job = NULL;
        if (!lane->closed)
            put_over(lane, job);
    }
    worker->alive = false;
    leave(lane);
    return NULL;
}

/* Signals are for the main thread. */
static bool start_thread(struct worker *worker)
{
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&worker->thread, &attr, work, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return started;
}

/* Each looks for work until there is none. With the lock held. */
static void add_worker(struct lane *lane)
{
    bool any = false;
    for (size_t i = 0; i < LANE_THREADS; i++) {
        struct worker *worker = &lane->workers[i];
        any |= worker->alive;
        if (worker->alive)
            continue;
        worker->lane = lane;
        worker->alive = true;
        lane->users++;
        if (start_thread(worker))
            return;
        worker->alive = false;
        lane->users--;
        break;
    }
    /* No thread can be had: nobody would ever come to it. */
    for (struct lane_job *job; !any && (job = take(&lane->first, &lane->end)) != NULL;) {
        job->cancelled = true;
        put_over(lane, job);
    }
}

/* ---------------------------------------------------------------- callbacks */

/* The next one that is to be told of, or is over (then *ret_over). */
static struct lane_job *next_call(struct lane *lane, bool *ret_over)
{
    struct lane_job *job = NULL;
    *ret_over = false;
    pthread_mutex_lock(&lane->lock);
    for (size_t i = 0; i < LANE_THREADS && job == NULL; i++) {
        struct lane_job *running = lane->workers[i].job;
        if (running != NULL && atomic_exchange(&running->news, false))
            job = running;
    }
    if (job == NULL && lane->over != NULL && atomic_exchange(&lane->over->news, false)) {
        job = lane->over;
    } else if (job == NULL) {
        job = take(&lane->over, &lane->overs_end);
        *ret_over = job != NULL;
    }
    pthread_mutex_unlock(&lane->lock);
    return job;
}

/* A callback may close the lane. */
static void on_async(uv_async_t *async)
{
    struct lane *lane = async->data;
    struct lane_job *job;
    bool over;
    while (!lane->closed && (job = next_call(lane, &over)) != NULL) {
        if (over) {
            lane->pending--;
            job->done(job, job->cancelled);
            if (lane->pending == 0 && !lane->closed && lane->on_turn != NULL)
                lane->on_turn(lane->arg, false);
        } else if (job->told != NULL) {
            job->told(job);
        }
    }
}

/* --------------------------------------------------------------- the door */

struct lane *lane_new(uv_loop_t *loop, lane_turn_cb *on_turn, void *arg)
{
    struct lane *lane = mem_zalloc(sizeof *lane);
    lane->on_turn = on_turn;
    lane->arg = arg;
    lane->end = &lane->first;
    lane->overs_end = &lane->over;
    lane->users = 1;
    pthread_mutex_init(&lane->lock, NULL);
    uv_async_init(loop, &lane->async, on_async);
    lane->async.data = lane;
    return lane;
}

void lane_add(struct lane *lane, struct lane_job *job)
{
    job->cancelled = false;
    atomic_store(&job->news, false);
    pthread_mutex_lock(&lane->lock);
    put(&lane->end, job);
    add_worker(lane);
    pthread_mutex_unlock(&lane->lock);
    if (lane->pending++ == 0 && lane->on_turn != NULL)
        lane->on_turn(lane->arg, true);
}

void lane_tell(struct lane *lane, struct lane_job *job)
{
    atomic_store(&job->news, true);
    pthread_mutex_lock(&lane->lock);
    if (!lane->closed)
        uv_async_send(&lane->async);
    pthread_mutex_unlock(&lane->lock);
}

void lane_cancel(struct lane *lane, struct lane_job *job)
{
    struct lane_job *next, *left = NULL, **left_end = &left;
    pthread_mutex_lock(&lane->lock);
    for (struct lane_job *at = lane->first; at != NULL; at = next) {
        next = at->next;
        if (job != NULL && at != job) {
            put(&left_end, at);
            continue;
        }
        at->cancelled = true;
        put_over(lane, at);
    }
    lane->first = left;
    lane->end = left != NULL ? left_end : &lane->first;
    pthread_mutex_unlock(&lane->lock);
}

bool lane_is_idle(const struct lane *lane)
{
    return lane->pending == 0;
}

int64_t lane_silent_ms(struct lane *lane)
{
    int64_t now = clock_mono_ms(), moved_ms = 0;
    bool busy = false;
    pthread_mutex_lock(&lane->lock);
    for (size_t i = 0; i < LANE_THREADS; i++) {
        struct worker *worker = &lane->workers[i];
        if (worker->job == NULL)
            continue;
        int64_t cpu_ns = worked_ns(worker);
        if (cpu_ns != worker->cpu_ns)
            worker->moved_ms = now;
        worker->cpu_ns = cpu_ns;
        if (worker->moved_ms > moved_ms)
            moved_ms = worker->moved_ms;
        busy = true;
    }
    pthread_mutex_unlock(&lane->lock);
    return busy ? now - moved_ms : 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct lane *lane = handle->data;
    pthread_mutex_lock(&lane->lock);
    leave(lane);
}

void lane_close(struct lane *lane)
{
    if (lane == NULL)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->closed = true;
    pthread_mutex_unlock(&lane->lock);
    uv_close((uv_handle_t *)&lane->async, on_closed);
}
