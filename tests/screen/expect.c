/* Waiting for a terminal: every wait takes in output until something is so. */
#include "tests/screen/terminal_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/support/limit.h"

/* A child's end is no event on the pty, since we hold it open too. */
#define LOOK_AFTER_CHILD_MS 20
#define QUIET_BEFORE_KEYS_MS 150
#define RAW_MAX_BYTES (8u << 20)

/* Of a flood the last part. Zero bytes, which nobody should send, end no
 * string. */
static void keep_raw(struct terminal *terminal, const char *data, size_t len)
{
    struct buf *raw = &terminal->raw;
    buf_append(raw, data, len);
    for (size_t i = raw->len - len; i < raw->len; i++)
        if (raw->data[i] == '\0')
            raw->data[i] = '?';
    if (raw->len > RAW_MAX_BYTES) {
        size_t rest = RAW_MAX_BYTES / 2;
        memmove(raw->data, raw->data + raw->len - rest, rest + 1);
        raw->len = rest;
    }
}

/* Takes in what is there, or comes within so long; false when nothing did. */
static bool take_in(struct terminal *terminal, int milliseconds)
{
    struct pollfd poll_fd = {.fd = terminal->master, .events = POLLIN};
    char data[65536];
    if (terminal->master < 0 || poll(&poll_fd, 1, milliseconds) <= 0)
        return false;
    ssize_t got = read(terminal->master, data, sizeof data);
    if (got <= 0)
        return false;
    terminal->answered = true;
    keep_raw(terminal, data, (size_t)got);
    vterm_input_write(terminal->vterm, data, (size_t)got);
    vterm_screen_flush_damage(terminal->screen);
    return true;
}

static bool has_gone(struct terminal *terminal)
{
    int status;
    if (terminal->pid > 0 && waitpid(terminal->pid, &status, WNOHANG) == terminal->pid) {
        terminal->pid = 0;
        terminal->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        while (take_in(terminal, 0))
            continue;
    }
    return terminal->pid == 0;
}

static void give_up(struct terminal *terminal, const char *why, const char *what)
{
    char *text = terminal_text(terminal);
    char *row = strtok(text, "\n");
    print_error("# the screen (%d x %d):\n", terminal->columns, terminal->rows);
    for (; row != NULL; row = strtok(NULL, "\n"))
        print_error("# |%s\n", row);
    free(text);
    fail_msg("%s: %s", why, what);
}

void terminal_wait(struct terminal *terminal, terminal_test *is_so, const void *arg,
                   const char *what)
{
    int64_t deadline = clock_mono_ms() + terminal->patience_ms;
    while (!is_so(terminal, arg)) {
        if (take_in(terminal, LOOK_AFTER_CHILD_MS))
            continue;
        if (has_gone(terminal) && !is_so(terminal, arg))
            give_up(terminal, "the program ended while this was waited for", what);
        if (clock_mono_ms() > deadline)
            give_up(terminal, "this did not come in time", what);
    }
}

static bool is_shown(struct terminal *terminal, const void *arg)
{
    return terminal_shows(terminal, arg);
}

static bool is_not_shown(struct terminal *terminal, const void *arg)
{
    return !terminal_shows(terminal, arg);
}

void terminal_wait_text(struct terminal *terminal, const char *text)
{
    terminal_wait(terminal, is_shown, text, text);
}

void terminal_wait_gone(struct terminal *terminal, const char *text)
{
    char *what = mem_printf("that \"%s\" goes away", text);
    terminal_wait(terminal, is_not_shown, text, what);
    free(what);
}

void terminal_wait_quiet(struct terminal *terminal, unsigned milliseconds)
{
    int64_t deadline = clock_mono_ms() + terminal->patience_ms;
    while (take_in(terminal, (int)limit_ms(milliseconds)) && clock_mono_ms() < deadline)
        continue;
}

static bool has_answered(struct terminal *terminal, const void *quiet_at)
{
    return terminal->answered || clock_mono_ms() >= *(const int64_t *)quiet_at;
}

void terminal_press(struct terminal *terminal, const char *keys)
{
    int64_t quiet_at = clock_mono_ms() + limit_ms(QUIET_BEFORE_KEYS_MS);
    terminal_wait(terminal, has_answered, &quiet_at, "anything at all");
    terminal->answered = false;
    assert_int_equal(strlen(keys), write(terminal->master, keys, strlen(keys)));
}

void terminal_press_wait(struct terminal *terminal, const char *keys, const char *text)
{
    terminal_press(terminal, keys);
    terminal_wait_text(terminal, text);
}

static bool is_over(struct terminal *terminal, const void *arg)
{
    (void)arg;
    return has_gone(terminal);
}

int terminal_wait_exit(struct terminal *terminal)
{
    terminal_wait(terminal, is_over, NULL, "the program's end");
    return terminal->status;
}
