/* Threads for work that may wait for ever: a call into a file system that does
 * not answer can't be taken back. libuv's pool has four threads for everybody;
 * a lane has a few of its own, for one cache root say, so that nothing else
 * waits when they are stuck.
 *
 *      the loop                          the lane's threads
 *      lane_add()      ──► queue ──►     run()
 *      told(), done()  ◄── uv_async ◄──  lane_tell(), and its end
 *
 * All functions but lane_tell() belong to the loop's thread. */
#ifndef BILGE_BASE_LANE_H
#define BILGE_BASE_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

/* So many jobs of a lane run at once. */
#define LANE_THREADS 4

struct lane;

/* Embedded in what the work is done with. From lane_add() until done() it
 * belongs to the lane; run() must use nothing that others may free. */
struct lane_job {
    void (*run)(struct lane_job *job);                  /* on a thread of the lane */
    void (*told)(struct lane_job *job);                 /* on the loop, see lane_tell() */
    void (*done)(struct lane_job *job, bool cancelled); /* on the loop, last */

    /* The lane's own. */
    struct lane_job *next;
    atomic_bool news;
    bool cancelled;
};

/* Runs (if not NULL) when the first job comes to an idle lane, and when the last
 * one's done() has run: it may close the lane then. */
typedef void lane_turn_cb(void *arg, bool busy);
struct lane *lane_new(uv_loop_t *loop, lane_turn_cb *on_turn, void *arg);

/* run, told and done are set. No callback runs before it returns. */
void lane_add(struct lane *lane, struct lane_job *job);
/* From any thread, while it runs: told() is to be called soon; several calls may
 * become one. */
void lane_tell(struct lane *lane, struct lane_job *job);
/* What has not begun does not begin: its done() says so. A job that has, goes on.
 * All of them when job is NULL. */
void lane_cancel(struct lane *lane, struct lane_job *job);

/* Nothing waits, runs, or is to be told of. */
bool lane_is_idle(const struct lane *lane);
/* For so long no job under way has got any further: each of them is in a call
 * that does not come back. 0: it does, or nothing runs. */
int64_t lane_silent_ms(struct lane *lane);

/* No callback runs any more. A job under way is left to itself: its memory is
 * never given back, nor what it uses. The lane's own memory goes when libuv has
 * closed a handle and no thread is left. */
void lane_close(struct lane *lane);

#endif
