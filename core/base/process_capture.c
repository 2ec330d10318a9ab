#include "core/base/process.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

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
