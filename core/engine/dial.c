#include "core/engine/dial.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/mem.h"

struct dial {
    uv_process_t child;
    int complaints; /* its standard error; a pipe is room enough for what it says */
    bool running;
};

static void on_closed(uv_handle_t *handle)
{
    struct dial *dial = handle->data;
    close(dial->complaints);
    free(dial);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
    struct dial *dial = child->data;
    (void)status;
    (void)signal;
    if (dial->running) {
        dial->running = false;
        return;
    }
    uv_close((uv_handle_t *)child, on_closed); /* dial_free() was called first */
}

static int make_streams(int streams[2], int complaints[2])
{
    int code = uv_socketpair(SOCK_STREAM, 0, streams, UV_NONBLOCK_PIPE, 0);
    if (code < 0)
        return code;
    code = uv_pipe(complaints, UV_NONBLOCK_PIPE, 0);
    if (code < 0) {
        close(streams[0]);
        close(streams[1]);
    }
    return code;
}

static int spawn(uv_loop_t *loop, struct dial *dial, const char *const *argv, int stream,
                 int complaints)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = stream},
        {.flags = UV_INHERIT_FD, .data.fd = stream},
        {.flags = UV_INHERIT_FD, .data.fd = complaints},
    };
    uv_process_options_t options = {
        .exit_cb = on_child_exit,
        .file = argv[0],
        .args = (char **)argv,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    return uv_spawn(loop, &dial->child, &options);
}

int dial_open(uv_loop_t *loop, const char *const *argv, uv_pipe_t *stream, struct dial **ret_dial,
              struct err *err)
{
    int streams[2], complaints[2];
    int code = make_streams(streams, complaints);
    if (code < 0)
        return err_sys(err, code, "starting %s", argv[0]);
    struct dial *dial = mem_zalloc(sizeof *dial);
    dial->complaints = complaints[0];
    code = spawn(loop, dial, argv, streams[1], complaints[1]);
    dial->child.data = dial;
    close(streams[1]);
    close(complaints[1]);
    if (code < 0) {
        close(streams[0]);
        uv_close((uv_handle_t *)&dial->child, on_closed);
        return err_sys(err, code, "starting %s", argv[0]);
    }
    dial->running = true;
    uv_pipe_open(stream, streams[0]);
    *ret_dial = dial;
    return 0;
}

bool dial_complaint(struct dial *dial, struct err *err)
{
    char text[4096];
    ssize_t len = read(dial->complaints, text, sizeof text - 1);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len <= 0)
        return false;
    text[len] = '\0';
    const char *newline = strrchr(text, '\n');
    err_set(err, ERR_PEER, "%s", newline != NULL ? newline + 1 : text);
    return true;
}

void dial_free(struct dial *dial)
{
    if (dial->running) {
        dial->running = false;
        kill(-dial->child.pid, SIGKILL);
        return; /* on_child_exit() goes on: a handle closed now would leave a zombie */
    }
    uv_close((uv_handle_t *)&dial->child, on_closed);
}
