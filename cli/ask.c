#include "cli/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

struct ask {
    int tty;
    uv_poll_t poll;
    bool over, yes, closed;
};

bool ask_possible(FILE *shown)
{
    return isatty(STDIN_FILENO) && isatty(fileno(shown));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct ask *ask = poll->data;
    char line[64];
    (void)events;
    ssize_t len = status < 0 ? 0 : read(ask->tty, line, sizeof line - 1);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    line[len > 0 ? len : 0] = '\0';
    ask->yes = strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
    ask->over = true;
    uv_poll_stop(poll);
}

static bool is_over(void *arg)
{
    const struct ask *ask = arg;
    return ask->over;
}

static void on_closed(uv_handle_t *handle)
{
    struct ask *ask = handle->data;
    ask->closed = true;
}

int ask_yes(struct session *session, FILE *shown, const char *question, bool *ret_yes,
            struct err *err)
{
    /* Opened afresh: uv_poll makes the open file non-blocking, and that of the
     * standard input belongs to the shell too. */
    struct ask ask = {.tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
    if (ask.tty < 0)
        return err_sys(err, -errno, "opening the terminal");
    fprintf(shown, "%s [y/N] ", question);
    fflush(shown);
    int code = uv_poll_init(&session->loop, &ask.poll, ask.tty);
    if (code < 0) {
        close(ask.tty);
        return err_sys(err, code, "watching the terminal");
    }
    ask.poll.data = &ask;
    uv_poll_start(&ask.poll, UV_READABLE, on_readable);
    enum session_end end = session_wait(session, is_over, &ask, 0);
    uv_close((uv_handle_t *)&ask.poll, on_closed);
    while (!ask.closed)
        uv_run(&session->loop, UV_RUN_ONCE);
    close(ask.tty);
    if (end == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    *ret_yes = ask.yes;
    return 0;
}
