/* Private to core/prune: a plan being carried out. */
#ifndef BILGE_PRUNE_EXECUTOR_H
#define BILGE_PRUNE_EXECUTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/prune/execute.h"

struct cache_job;
struct cache_queue;
struct record_run;

struct execute {
    uv_loop_t *loop;
    const struct plan *plan;
    struct execute_env env;
    const struct execute_ops *ops;
    void *arg;
    uv_async_t async; /* it begins, or all may be over */
    atomic_bool cancelled;
    atomic_llong freed_bytes;
    size_t items_done;
    bool *over; /* of each item of the plan */
    bool started, closing;

    struct cache_job *jobs;
    size_t jobs_len, jobs_left, jobs_running; /* left: not begun */
    struct cache_queue *queues;
    size_t queues_len;
    size_t *places;             /* of each link in the removals of its cache's job */
    struct record_run *records; /* NULL: over, or none */
};

/* One item is dealt with; err NULL: deleted. */
void execute_item_over(struct execute *execute, size_t item, const struct err *err);
/* Something has ended: perhaps all. */
void execute_step(struct execute *execute);

void execute_caches_start(struct execute *execute);
void execute_caches_free(struct execute *execute);
/* Does each job that runs do so in a silent lane? */
bool execute_caches_hang(const struct execute *execute,
                         bool (*is_silent)(void *arg, const struct lane *lane), void *arg);
void execute_records_start(struct execute *execute);
void execute_records_hang_up(struct execute *execute);

#endif
