/* Child processes on a libuv loop: no shell, no blocking, output as it comes.
 * A child runs in a process group of its own, so that a signal reaches what
 * it started too. It never outlives bilge unseen: process_free() kills. */
#ifndef BILGE_BASE_PROCESS_H
#define BILGE_BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/base/mem.h"

struct process;

enum process_stream { PROCESS_STDOUT = 1, PROCESS_STDERR = 2 };

struct process_ops {
    /* Bytes as they were read; valid during the call. */
    void (*on_output)(void *arg, enum process_stream stream, const char *data, size_t len);
    /* Once, after both streams have ended and the child is reaped: the exit
     * status, or 128 + signal. No callback follows. `err` is NULL unless the
     * deadline killed it (ERR_TIMEOUT). process_free() may be called from it. */
    void (*on_exit)(void *arg, int status, const struct err *err);
};

struct process_spec {
    const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *environment; /* "NAME=value" added to ours; may be NULL */
    const char *directory;          /* working directory; NULL: ours */
    uint64_t deadline_ms;           /* killed after this long; 0: never */
};

/* Starts a child with /dev/null as its standard input. The strings are
 * borrowed during the call. -ENOENT when there is no such program. No callback
 * runs before this returns. */
int process_spawn(uv_loop_t *loop, const struct process_spec *spec, const struct process_ops *ops,
                  void *arg, struct process **ret_process, struct err *err);

/* Signals the child's whole group, also what outlives the child in it and
 * holds its pipes; no effect once on_exit has run. */
void process_signal(struct process *process, int signal);

int process_pid(const struct process *process);

/* Stops reading, so that the child blocks in its writes, and starts again. */
void process_pause(struct process *process);
void process_resume(struct process *process);

/* Gives the object back. A running child is killed, with its group, and
 * reaped; no callback follows; the memory goes when libuv has closed the
 * handles. NULL is fine. */
void process_free(struct process *process);

/* Runs a child to its end and hands over what it wrote. Output over
 * `max_bytes` a stream kills it and is ERR_LIMIT. */
struct process_result {
    int status;
    struct buf out; /* borrowed: valid during the call */
    struct buf err;
};
typedef void process_done_cb(void *arg, const struct process_result *result,
                             const struct err *err /* NULL when it ran to its end */);
struct process_capture;
int process_capture(uv_loop_t *loop, const struct process_spec *spec, size_t max_bytes,
                    process_done_cb *on_done, void *arg, struct process_capture **ret_capture,
                    struct err *err);
/* Before on_done has run: kills the child, and on_done will not run. The object
 * frees itself after on_done; the pointer is dead from then on. */
void process_capture_cancel(struct process_capture *capture);

#endif
