/* A heap of small tasks that several threads work off together. What was added
 * last is done first: a tree is walked depth first, so that few directories
 * are open at a time and the heap stays small. */
#ifndef BILGE_BASE_CREW_H
#define BILGE_BASE_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct crew;

/* Embedded in what it works on. run() owns the task: it frees it or adds it
 * again. When the crew is cancelled it still runs, and cleans up only. */
struct task {
    struct task *next;
    void (*run)(struct crew *crew, struct task *task);
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct task *top;
    size_t running; /* tasks being run: they may add more */
    size_t waiting; /* threads without a task */
    atomic_bool cancelled;
};

void crew_init(struct crew *crew);
void crew_done(struct crew *crew);

/* Any thread. */
void crew_add(struct crew *crew, struct task *task);
void crew_cancel(struct crew *crew);
bool crew_cancelled(struct crew *crew);

/* Works until no task is left, here and in the other threads that do the same. */
void crew_work(struct crew *crew);
/* The same with so many threads in all; fewer when they can't be had. */
void crew_work_together(struct crew *crew, size_t threads);

/* How many directories the tasks of one crew may hold open together: a share of
 * what this process may, 0 when that is little. */
size_t crew_descriptors(void);

#endif
