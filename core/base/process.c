#include "core/base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIPE_SIZE 262144
/* More than a pipe holds: as long as a read fills the buffer, libuv goes on
 * reading, up to 32 times, and nobody else has a turn. */
#define READ_SIZE (PIPE_SIZE + 4096)

/* The handles are embedded; `open_handles` counts those not yet closed, and
 * the last close callback frees the memory. */
struct process {
    uv_process_t child;
    uv_pipe_t pipes[2]; /* stdout, stderr */
    uv_timer_t deadline;
    const struct process_ops *ops;
    void *arg;
    char *read_buffer;
    int open_handles;
    int status;
    bool ended[2]; /* these pipes */
    bool running;  /* the child is not reaped yet */
    bool over;     /* on_exit has run */
    bool timed_out;
    bool freed; /* by its owner: no more callbacks */
};

static void on_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->open_handles > 0)
        return;
    free(process->read_buffer);
    free(process);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

/* A child that runs (and was killed) keeps its handle until it is reaped, so
 * that no zombie stays. */
static void close_handles(struct process *process)
{
    if (!process->running && process->child.data != NULL)
        close_handle((uv_handle_t *)&process->child);
    close_handle((uv_handle_t *)&process->pipes[0]);
    close_handle((uv_handle_t *)&process->pipes[1]);
    close_handle((uv_handle_t *)&process->deadline);
}

static void finish_if_over(struct process *process)
{
    if (process->running || !process->ended[0] || !process->ended[1] || process->freed)
        return;
    process->over = true;
    uv_timer_stop(&process->deadline);
    struct err err;
    if (process->timed_out)
        err_set(&err, ERR_TIMEOUT, "%s", err_reason(ERR_TIMEOUT));
    process->ops->on_exit(process->arg, process->status, process->timed_out ? &err : NULL);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
    struct process *process = child->data;
    process->running = false;
    process->status = signal != 0 ? 128 + signal : (int)status;
    if (process->freed)
        close_handle((uv_handle_t *)child);
    else
        finish_if_over(process);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct process *process = handle->data;
    (void)suggested;
    *buf = uv_buf_init(process->read_buffer, READ_SIZE);
}

static void end_stream(struct process *process, int which)
{
    uv_read_stop((uv_stream_t *)&process->pipes[which]);
    process->ended[which] = true;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct process *process = stream->data;
    int which = stream == (uv_stream_t *)&process->pipes[0] ? 0 : 1;
    if (got > 0)
        process->ops->on_output(process->arg, which == 0 ? PROCESS_STDOUT : PROCESS_STDERR,
                                buf->base, (size_t)got);
    if (got < 0) { /* end of file, or an error that means the same to us */
        end_stream(process, which);
        finish_if_over(process);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    struct process *process = timer->data;
    process->timed_out = true;
    process_signal(process, SIGKILL);
    /* A grandchild outside the group could hold the pipes open for ever. */
    end_stream(process, 0);
    end_stream(process, 1);
    finish_if_over(process);
}

static char **merge_environment(const char *const *added)
{
    extern char **environ;
    size_t len = 0, count = 0, added_count = 0;
    while (environ[count] != NULL)
        count++;
    while (added[added_count] != NULL)
        added_count++;
    char **merged = mem_alloc((count + added_count + 1) * sizeof *merged);
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < added_count && !replaced; j++) {
            size_t name = strcspn(added[j], "=") + 1;
            replaced = strncmp(environ[i], added[j], name) == 0;
        }
        if (!replaced)
            merged[len++] = environ[i];
    }
    for (size_t j = 0; j < added_count; j++)
        merged[len++] = (char *)added[j];
    merged[len] = NULL;
    return merged;
}

static void init_handle(struct process *process, uv_handle_t *handle)
{
    handle->data = process;
    process->open_handles++;
}

/* Pipes, not the socket pairs that libuv would make: a child can't open
 * /dev/stderr anew when it is a socket, and a pipe can be made wide enough that
 * a flood of output does not wake both sides for every few lines. *ret_ends
 * are the child's ends. */
static int open_pipes(struct process *process, int ret_ends[2])
{
    for (int i = 0; i < 2; i++) {
        uv_file ends[2];
        int code = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
        if (code == 0) {
#ifdef F_SETPIPE_SZ
            fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* refused over a user's limit: no harm */
#endif
            ret_ends[i] = ends[1];
            code = uv_pipe_open(&process->pipes[i], ends[0]);
            if (code == 0)
                continue;
            close(ends[0]);
            close(ends[1]);
        }
        if (i == 1)
            close(ret_ends[0]);
        return code;
    }
    return 0;
}

static int give_up(struct process *process, int code, const struct process_spec *spec,
                   struct err *err)
{
    process->freed = process->over = true;
    close_handles(process);
    return err_sys(err, code, "starting %s", spec->argv[0]);
}

int process_spawn(uv_loop_t *loop, const struct process_spec *spec, const struct process_ops *ops,
                  void *arg, struct process **ret_process, struct err *err)
{
    struct process *process = mem_zalloc(sizeof *process);
    process->ops = ops;
    process->arg = arg;
    process->read_buffer = mem_alloc(READ_SIZE);
    uv_pipe_init(loop, &process->pipes[0], 0);
    uv_pipe_init(loop, &process->pipes[1], 0);
    uv_timer_init(loop, &process->deadline);
    init_handle(process, (uv_handle_t *)&process->pipes[0]);
    init_handle(process, (uv_handle_t *)&process->pipes[1]);
    init_handle(process, (uv_handle_t *)&process->deadline);

    int ends[2];
    int code = open_pipes(process, ends);
    if (code < 0)
        return give_up(process, code, spec, err);
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
    for (int i = 0; i < 2; i++) {
        stdio[i + 1].flags = UV_INHERIT_FD;
        stdio[i + 1].data.fd = ends[i];
    }
    char **environment = spec->environment != NULL ? merge_environment(spec->environment) : NULL;
    uv_process_options_t options = {
        .exit_cb = on_child_exit,
        .file = spec->argv[0],
        .args = (char **)spec->argv,
        .env = environment,
        .cwd = spec->directory,
        .flags = UV_PROCESS_DETACHED, /* setsid: a group of its own, and no terminal */
        .stdio_count = 3,
        .stdio = stdio,
    };
    code = uv_spawn(loop, &process->child, &options);
    init_handle(process, (uv_handle_t *)&process->child);
    free(environment);
    close(ends[0]);
    close(ends[1]);
    if (code < 0)
        return give_up(process, code, spec, err);
    process->running = true;
    process_resume(process);
    if (spec->deadline_ms > 0)
        uv_timer_start(&process->deadline, on_deadline, spec->deadline_ms, 0);
    *ret_process = process;
    return 0;
}

void process_signal(struct process *process, int signal)
{
    if (!process->over)
        kill(-process->child.pid, signal);
}

int process_pid(const struct process *process)
{
    return process->child.pid;
}

void process_pause(struct process *process)
{
    for (int i = 0; i < 2; i++)
        uv_read_stop((uv_stream_t *)&process->pipes[i]);
}

void process_resume(struct process *process)
{
    for (int i = 0; i < 2; i++)
        if (!process->ended[i]) /* it would say once more that it has ended */
            uv_read_start((uv_stream_t *)&process->pipes[i], on_alloc, on_read);
}

void process_free(struct process *process)
{
    if (process == NULL)
        return;
    process_signal(process, SIGKILL);
    process->over = process->freed = true;
    close_handles(process);
}

struct process_capture {
    struct process *process;
    struct process_result result;
    size_t max_bytes;
    process_done_cb *on_done;
    void *arg;
    bool over_limit;
};

static void capture_free(struct process_capture *capture)
{
    process_free(capture->process);
    buf_done(&capture->result.out);
    buf_done(&capture->result.err);
    free(capture);
}

static void capture_output(void *arg, enum process_stream stream, const char *data, size_t len)
{
    struct process_capture *capture = arg;
    struct buf *buf = stream == PROCESS_STDOUT ? &capture->result.out : &capture->result.err;
    if (buf->len + len > capture->max_bytes) {
        capture->over_limit = true;
        process_signal(capture->process, SIGKILL);
        return;
    }
    buf_append(buf, data, len);
}

static void capture_exit(void *arg, int status, const struct err *err)
{
    struct process_capture *capture = arg;
    struct err limit;
    capture->result.status = status;
    buf_append(&capture->result.out, "", 0);
    buf_append(&capture->result.err, "", 0);
    if (capture->over_limit) {
        err_set(&limit, ERR_LIMIT, "more than %zu bytes of output", capture->max_bytes);
        err = &limit;
    }
    capture->on_done(capture->arg, &capture->result, err);
    capture_free(capture);
}

static const struct process_ops capture_ops = {
    .on_output = capture_output,
    .on_exit = capture_exit,
};

int process_capture(uv_loop_t *loop, const struct process_spec *spec, size_t max_bytes,
                    process_done_cb *on_done, void *arg, struct process_capture **ret_capture,
                    struct err *err)
{
    struct process_capture *capture = mem_zalloc(sizeof *capture);
    capture->max_bytes = max_bytes;
    capture->on_done = on_done;
    capture->arg = arg;
    int code = process_spawn(loop, spec, &capture_ops, capture, &capture->process, err);
    if (code < 0) {
        free(capture);
        return code;
    }
    *ret_capture = capture;
    return 0;
}

void process_capture_cancel(struct process_capture *capture)
{
    capture_free(capture);
}
