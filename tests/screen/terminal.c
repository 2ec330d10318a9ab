#include "tests/screen/terminal_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/limit.h"

#define PATIENCE_MS 10000

static int on_property(VTermProp property, VTermValue *value, void *arg)
{
    struct terminal *terminal = arg;
    if (property == VTERM_PROP_ALTSCREEN)
        terminal->alternate = value->boolean;
    else if (property == VTERM_PROP_MOUSE)
        terminal->mouse = value->number != VTERM_PROP_MOUSE_NONE;
    return 1;
}

static const VTermScreenCallbacks screen_callbacks = {.settermprop = on_property};

/* What the terminal answers by itself when it is asked who it is. */
static void on_answer(const char *data, size_t len, void *arg)
{
    struct terminal *terminal = arg;
    ssize_t written = write(terminal->master, data, len);
    (void)written;
}

static void open_pty(struct terminal *terminal)
{
    struct winsize size = {.ws_row = (unsigned short)terminal->rows,
                           .ws_col = (unsigned short)terminal->columns};
    terminal->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal->master >= 0);
    assert_int_equal(0, grantpt(terminal->master));
    assert_int_equal(0, unlockpt(terminal->master));
    terminal->slave = open(ptsname(terminal->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal->slave >= 0);
    assert_int_equal(0, ioctl(terminal->master, TIOCSWINSZ, &size));
    assert_int_equal(0, tcgetattr(terminal->slave, &terminal->modes));
    fcntl(terminal->master, F_SETFL, O_NONBLOCK);
}

static _Noreturn void become(const struct terminal *terminal, const struct terminal_spec *spec)
{
    setsid();
    alarm(0);
    ioctl(terminal->slave, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; fd++)
        dup2(terminal->slave, fd);
    if (spec->directory != NULL && chdir(spec->directory) < 0)
        _exit(126);
    execve(spec->argv[0], (char **)spec->argv, (char **)spec->environment);
    _exit(127);
}

struct terminal *terminal_start(const struct terminal_spec *spec)
{
    struct terminal *terminal = mem_zalloc(sizeof *terminal);
    terminal->columns = spec->columns;
    terminal->rows = spec->rows;
    terminal_set_patience(terminal, PATIENCE_MS);
    buf_append_str(&terminal->raw, "");
    open_pty(terminal);
    terminal->vterm = vterm_new(spec->rows, spec->columns);
    vterm_set_utf8(terminal->vterm, 1);
    vterm_output_set_callback(terminal->vterm, on_answer, terminal);
    terminal->screen = vterm_obtain_screen(terminal->vterm);
    vterm_screen_enable_altscreen(terminal->screen, 1);
    vterm_screen_set_callbacks(terminal->screen, &screen_callbacks, terminal);
    vterm_screen_reset(terminal->screen, 1);
    terminal->pid = fork();
    assert_true(terminal->pid >= 0);
    if (terminal->pid == 0)
        become(terminal, spec);
    return terminal;
}

void terminal_free(struct terminal *terminal)
{
    if (terminal == NULL)
        return;
    if (terminal->pid > 0) {
        kill(terminal->pid, SIGKILL);
        waitpid(terminal->pid, NULL, 0);
    }
    if (terminal->master >= 0)
        close(terminal->master);
    close(terminal->slave);
    vterm_free(terminal->vterm);
    buf_done(&terminal->raw);
    free(terminal);
}

void terminal_set_patience(struct terminal *terminal, unsigned milliseconds)
{
    terminal->patience_ms = limit_ms(milliseconds);
}

void terminal_resize(struct terminal *terminal, int columns, int rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    terminal->columns = columns;
    terminal->rows = rows;
    terminal->answered = false;
    vterm_set_size(terminal->vterm, rows, columns);
    assert_int_equal(0, ioctl(terminal->master, TIOCSWINSZ, &size)); /* sends SIGWINCH */
}

void terminal_signal(struct terminal *terminal, int signal)
{
    assert_true(terminal->pid > 0);
    kill(terminal->pid, signal);
}

void terminal_hang_up(struct terminal *terminal)
{
    close(terminal->master);
    terminal->master = -1;
}

int terminal_pid(const struct terminal *terminal)
{
    return terminal->pid;
}

bool terminal_is_as_before(const struct terminal *terminal)
{
    struct termios now;
    if (tcgetattr(terminal->slave, &now) < 0)
        return false;
    return now.c_iflag == terminal->modes.c_iflag && now.c_oflag == terminal->modes.c_oflag &&
           now.c_cflag == terminal->modes.c_cflag && now.c_lflag == terminal->modes.c_lflag &&
           memcmp(now.c_cc, terminal->modes.c_cc, sizeof now.c_cc) == 0;
}

const char *terminal_raw(const struct terminal *terminal)
{
    return terminal->raw.data;
}
