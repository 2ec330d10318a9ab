#include "core/base/crew.h"

#include <sys/resource.h>

#define MAX_THREADS 16

void crew_init(struct crew *crew)
{
    *crew = (struct crew){0};
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->moved, NULL);
    atomic_init(&crew->cancelled, false);
}

void crew_done(struct crew *crew)
{
    pthread_cond_destroy(&crew->moved);
    pthread_mutex_destroy(&crew->lock);
}

void crew_add(struct crew *crew, struct task *task)
{
    pthread_mutex_lock(&crew->lock);
    task->next = crew->top;
    crew->top = task;
    if (crew->waiting > 0)
        pthread_cond_signal(&crew->moved);
    pthread_mutex_unlock(&crew->lock);
}

void crew_cancel(struct crew *crew)
{
    atomic_store(&crew->cancelled, true);
}

bool crew_cancelled(struct crew *crew)
{
    return atomic_load_explicit(&crew->cancelled, memory_order_relaxed);
}

void crew_work(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->top != NULL || crew->running > 0) {
        struct task *task = crew->top;
        if (task == NULL) {
            crew->waiting++;
            pthread_cond_wait(&crew->moved, &crew->lock);
            crew->waiting--;
            continue;
        }
        crew->top = task->next;
        crew->running++;
        pthread_mutex_unlock(&crew->lock);
        task->run(crew, task);
        pthread_mutex_lock(&crew->lock);
        crew->running--;
    }
    pthread_cond_broadcast(&crew->moved);
    pthread_mutex_unlock(&crew->lock);
}

static void *run_thread(void *crew)
{
    crew_work(crew);
    return NULL;
}

void crew_work_together(struct crew *crew, size_t threads)
{
    pthread_t others[MAX_THREADS];
    size_t started = 0;
    while (started + 1 < threads && started < MAX_THREADS &&
           pthread_create(&others[started], NULL, run_thread, crew) == 0)
        started++;
    crew_work(crew);
    while (started > 0)
        pthread_join(others[--started], NULL);
}

size_t crew_descriptors(void)
{
    /* Others: the loop, the history, the engine; three removals and a scan at once. */
    const rlim_t others = 64, crews = 6, most = 128;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= others)
        return 0;
    rlim_t share = (limit.rlim_cur - others) / crews;
    return (size_t)(share < most ? share : most);
}
