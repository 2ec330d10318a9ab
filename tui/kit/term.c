#include "tui/kit/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/mem.h"
#include "tui/kit/keymap.h"

/* Gives the terminal back when a signal ends the program. */

static void crash_watch(int terminal_fd, uv_async_t *ended);
static int crash_signal(void);
static void crash_unwatch(void);

enum { SIGNAL_COUNT = 7 };
static const int signals[SIGNAL_COUNT] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT,
                                          SIGTSTP,  SIGCONT, SIGUSR2};

/* The terminal is opened twice: uv_poll sets O_NONBLOCK on the open file that
 * it reads, and curses must not meet that when it writes. */
struct term {
    const struct term_ops *ops;
    void *arg;
    FILE *in, *out;
    SCREEN *screen;
    WINDOW *keys; /* wgetch() on stdscr would refresh it; on a pad it does not */
    uv_poll_t poll;
    uv_signal_t watches[SIGNAL_COUNT];
    uv_async_t ended; /* by a signal that is none of these */
    int open_handles;
    bool utf8, mouse, left, freed;
};

static void release(struct term *term)
{
    if (term->keys != NULL)
        delwin(term->keys);
    if (term->screen != NULL)
        delscreen(term->screen);
    if (term->in != NULL)
        fclose(term->in);
    if (term->out != NULL)
        fclose(term->out);
    free(term);
}

static void on_closed(uv_handle_t *handle)
{
    struct term *term = handle->data;
    if (--term->open_handles == 0)
        release(term);
}

/* ---- keys */

static const struct {
    int code, key;
} function_keys[] = {
    {KEY_UP, INPUT_UP},
    {KEY_DOWN, INPUT_DOWN},
    {KEY_LEFT, INPUT_LEFT},
    {KEY_RIGHT, INPUT_RIGHT},
    {KEY_PPAGE, INPUT_PAGE_UP},
    {KEY_NPAGE, INPUT_PAGE_DOWN},
    {KEY_HOME, INPUT_HOME},
    {KEY_END, INPUT_END},
    {KEY_BTAB, INPUT_BACK_TAB},
    {KEY_DC, INPUT_DELETE},
    {KEY_F(1), INPUT_F1},
    {KEY_ENTER, INPUT_ENTER},
    {KEY_BACKSPACE, INPUT_BACKSPACE},
};

static int function_key(int code)
{
    for (size_t i = 0; i < sizeof function_keys / sizeof function_keys[0]; i++)
        if (function_keys[i].code == code)
            return function_keys[i].key;
    return INPUT_NONE;
}

static int plain_key(wint_t character)
{
    if (character == '\r')
        return INPUT_ENTER;
    if (character == '\b')
        return INPUT_BACKSPACE;
    return (int)character;
}

static void read_mouse(struct term *term)
{
    MEVENT event;
    if (getmouse(&event) != OK)
        return;
    struct term_mouse mouse = {event.y, event.x, 0};
    if ((event.bstate & BUTTON4_PRESSED) != 0)
        mouse.wheel = -1;
    else if ((event.bstate & BUTTON5_PRESSED) != 0)
        mouse.wheel = 1;
    else if ((event.bstate & BUTTON1_PRESSED) == 0)
        return;
    term->ops->on_mouse(term->arg, &mouse);
}

/* Some hang-ups come as an end of file that libuv does not tell apart from
 * input: then nothing can be read although something was said to be there. */
static bool hung_up(struct term *term)
{
    struct pollfd poll_fd = {.fd = fileno(term->in), .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static void on_input(uv_poll_t *handle, int status, int events)
{
    struct term *term = handle->data;
    (void)events;
    wint_t character;
    int kind;
    if (status < 0 || hung_up(term)) {
        uv_poll_stop(&term->poll);
        term->ops->on_quit(term->arg, SIGHUP);
        return;
    }
    while (!term->left && (kind = wget_wch(term->keys, &character)) != ERR) {
        if (kind == KEY_CODE_YES && character == KEY_MOUSE)
            read_mouse(term);
        else if (kind == KEY_CODE_YES && character != KEY_RESIZE)
            term->ops->on_key(term->arg, function_key((int)character));
        else if (kind == OK)
            term->ops->on_key(term->arg, plain_key(character));
    }
}

/* ---- signals */

static void resize(struct term *term)
{
    struct winsize size;
    if (ioctl(fileno(term->out), TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    term->ops->on_resize(term->arg);
}

/* Leaves the terminal as a shell expects it, stops, and comes back. The stop
 * is the default action of the signal itself, so that the kernel decides as it
 * does for every job (it does not stop one that no shell could continue). */
static void stop_and_continue(struct term *term, uv_signal_t *watch)
{
    uv_signal_cb callback = watch->signal_cb;
    def_prog_mode();
    endwin();
    uv_signal_stop(watch);
    raise(SIGTSTP);
    uv_signal_start(watch, callback, SIGTSTP);
    reset_prog_mode();
    term_redraw(term);
    resize(term);
}

static void on_signal(uv_signal_t *watch, int number)
{
    struct term *term = watch->data;
    if (term->left)
        return;
    if (number == SIGTSTP) {
        stop_and_continue(term, watch);
    } else if (number == SIGWINCH) {
        resize(term);
    } else if (number == SIGCONT) {
        reset_prog_mode(); /* after a SIGSTOP, which nobody could prepare for */
        term_redraw(term);
        resize(term);
    } else if (number != SIGUSR2) { /* which is no reason to end */
        term->ops->on_quit(term->arg, number);
    }
}

static void on_ended(uv_async_t *ended)
{
    struct term *term = ended->data;
    if (!term->left)
        term->ops->on_quit(term->arg, crash_signal());
}

/* ---- opening */

static int open_tty(struct term *term, struct err *err)
{
    int in = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (in < 0)
        return err_sys(err, -errno, "opening the terminal /dev/tty");
    term->in = fdopen(in, "r");
    int out = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (out < 0)
        return err_sys(err, -errno, "opening the terminal /dev/tty");
    term->out = fdopen(out, "w");
    if (term->in == NULL || term->out == NULL)
        return err_sys(err, -errno, "opening the terminal /dev/tty");
    return 0;
}

static int open_curses(struct term *term, struct err *err)
{
    const char *name = getenv("TERM");
    if (name == NULL || *name == '\0')
        return err_set(err, ERR_UNSUPPORTED,
                       "opening the screen: TERM is not set; "
                       "try TERM=xterm, or 'bilge status'");
    use_tioctl(TRUE); /* LINES and COLUMNS of the environment go stale at the first resize */
    set_escdelay(25);
    /* The console's mouse daemon would speak to us on a descriptor that the loop
     * does not watch, and its library writes complaints onto the screen. */
    setenv("NCURSES_GPM_TERMS", "", 0);
    term->screen = newterm(name, term->out, term->in);
    if (term->screen == NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "opening the screen: the terminal type \"%s\" is not known here; "
                       "try TERM=xterm, or 'bilge status'",
                       name);
    const char *move = tigetstr("cup");
    if (move == NULL || move == (const char *)-1)
        return err_set(err, ERR_UNSUPPORTED,
                       "opening the screen: a terminal of type \"%s\" cannot place the cursor; "
                       "try 'bilge status'",
                       name);
    return 0;
}

static void set_modes(struct term *term)
{
    /* raw: Ctrl-S must not stop the output and with it the loop. */
    raw();
    noecho();
    nonl();
    curs_set(0);
    leaveok(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    mouseinterval(0);
    term->keys = newpad(1, 1);
    keypad(term->keys, TRUE);
    nodelay(term->keys, TRUE);
}

static void watch_signals(struct term *term, uv_loop_t *loop)
{
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(loop, &term->watches[i]);
        term->watches[i].data = term;
        uv_signal_start(&term->watches[i], on_signal, signals[i]);
        term->open_handles++;
    }
    if (uv_async_init(loop, &term->ended, on_ended) == 0) {
        term->ended.data = term;
        term->open_handles++;
    }
}

static void close_handles(struct term *term)
{
    if (term->poll.data != NULL)
        uv_close((uv_handle_t *)&term->poll, on_closed);
    if (term->ended.data != NULL)
        uv_close((uv_handle_t *)&term->ended, on_closed);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&term->watches[i], on_closed);
}

static int watch_keys(struct term *term, uv_loop_t *loop, struct err *err)
{
    int result = uv_poll_init(loop, &term->poll, fileno(term->in));
    if (result != 0)
        return err_sys(err, result, "watching the terminal");
    term->poll.data = term;
    term->open_handles++;
    return uv_poll_start(&term->poll, UV_READABLE, on_input);
}

int term_open(uv_loop_t *loop, bool mouse, const struct term_ops *ops, void *arg,
              struct term **ret_term, struct err *err)
{
    struct term *term = mem_zalloc(sizeof *term);
    *term = (struct term){.ops = ops, .arg = arg};
    setlocale(LC_CTYPE, "");
    term->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    /* Before curses: it takes SIGTSTP and SIGWINCH for itself, but only where
     * nobody else has. */
    watch_signals(term, loop);
    int result = open_tty(term, err);
    if (result == 0) {
        crash_watch(fileno(term->out), term->ended.data != NULL ? &term->ended : NULL);
        result = open_curses(term, err);
    }
    if (result == 0)
        result = watch_keys(term, loop, err);
    if (result != 0) {
        term_free(term);
        return result;
    }
    set_modes(term);
    term_set_mouse(term, mouse);
    *ret_term = term;
    return 0;
}

bool term_is_utf8(const struct term *term)
{
    return term->utf8;
}

bool term_is_writable(const struct term *term)
{
    struct pollfd poll_fd = {.fd = fileno(term->out), .events = POLLOUT};
    return poll(&poll_fd, 1, 0) != 0;
}

bool term_mouse(const struct term *term)
{
    return term->mouse;
}

void term_set_mouse(struct term *term, bool on)
{
    term->mouse = on;
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

void term_redraw(struct term *term)
{
    (void)term;
    clearok(curscr, TRUE);
}

/* Between two frames, curses has nothing in its buffer that this could cut. A
 * terminal that takes nothing just now goes without: the loop must not wait. */
static void write_past_curses(struct term *term, const char *before, const char *text)
{
    if (term->left || !term_is_writable(term))
        return;
    fprintf(term->out, "%s%s\a", before, text);
    fflush(term->out);
}

void term_ring(struct term *term)
{
    write_past_curses(term, "", "");
}

void term_notice(struct term *term, const char *text)
{
    write_past_curses(term, "\x1b]9;bilge: ", text);
}

static void encode_base64(struct buf *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *)text;
    for (size_t left = strlen(text); left > 0;) {
        size_t taken = left < 3 ? left : 3;
        unsigned bits = (unsigned)at[0] << 16 | (unsigned)(taken > 1 ? at[1] : 0) << 8 |
                        (unsigned)(taken > 2 ? at[2] : 0);
        for (size_t i = 0; i < 4; i++)
            buf_append(out, i <= taken ? &digits[bits >> (18 - 6 * i) & 63] : "=", 1);
        at += taken;
        left -= taken;
    }
}

/* Source: xterm's ctlseqs, "Manipulate Selection Data". The Linux console shows
 * it as text. */
void term_copy(struct term *term, const char *text)
{
    const char *name = getenv("TERM");
    struct buf encoded = {0};
    if (*text == '\0' || (name != NULL && strncmp(name, "linux", 5) == 0))
        return;
    encode_base64(&encoded, text);
    write_past_curses(term, "\x1b]52;c;", encoded.data);
    buf_done(&encoded);
}

void term_suspend(struct term *term)
{
    (void)term;
    /* The whole job, as the terminal would do it: a script that started us
     * must stop too. */
    kill(0, SIGTSTP);
}

void term_leave(struct term *term)
{
    if (term->left)
        return;
    term->left = true;
    if (term->screen != NULL) {
        mousemask(0, NULL);
        endwin();
    }
    crash_unwatch();
}

void term_free(struct term *term)
{
    term_leave(term);
    close_handles(term);
}

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
static const int ends[] = {
    SIGQUIT,   SIGUSR1, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGTRAP, SIGIO,
#ifdef SIGPWR
    SIGPWR,
#endif
#ifdef SIGSTKFLT
    SIGSTKFLT,
#endif
};
enum { FAULTS = sizeof faults / sizeof faults[0], ENDS = sizeof ends / sizeof ends[0] };

/* A signal handler gets no argument, so this cannot live in an object. */
static struct {
    int fd;
    bool watching;
    struct termios modes;
    struct sigaction old[NSIG];
    bool taken[NSIG];
    uv_async_t *ended;
    volatile sig_atomic_t signal; /* that has woken it */
} state;

/* Mouse reports off, attributes off, cursor seen, keypad and the alternate
 * screen left: what xterm and all that imitate it understand, written out
 * because terminfo cannot be asked inside a signal handler. */
static const char reset[] = "\033[?1006l\033[?1000l\033[m\033[?25h\033[?1l\033>\033[?1049l\r\n";

static void put_back(void)
{
    for (int i = 1; i < NSIG; i++)
        if (state.taken[i])
            sigaction(i, &state.old[i], NULL);
}

static void restore(void)
{
    ssize_t written = write(state.fd, reset, sizeof reset - 1);
    (void)written;
    tcsetattr(state.fd, TCSANOW, &state.modes);
    put_back();
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    restore();
    /* A fault comes again by itself when we return, with all that a debugger
     * or sanitizer wants to know of it; what was sent has to be sent again. */
    if (info->si_code <= 0)
        raise(number);
}

/* On any thread. */
static void on_end(int number)
{
    int before = errno;
    if (state.signal == 0 && state.ended != NULL) {
        state.signal = number;
        uv_async_send(state.ended);
    } else {
        restore();
        raise(number);
    }
    errno = before;
}

static void take(int number, const struct sigaction *action)
{
    sigaction(number, NULL, &state.old[number]);
    if (state.old[number].sa_handler != SIG_IGN)
        state.taken[number] = sigaction(number, action, NULL) == 0;
}

/* Remembers how the terminal is set now, and restores that on SIGSEGV, SIGABRT
 * and their like before the crash takes its course. The first of all other
 * signals that end a program by default (SIGQUIT, SIGUSR1, SIGALRM, SIGXCPU ...)
 * only wakes `ended` (NULL: none), so that it can end in order; on the second one
 * the terminal is restored and the signal does what it does. One that is ignored
 * stays so; SIGINT, SIGTERM and SIGHUP are left alone, for they have handlers of
 * their own. Call before the first change to the terminal; one at a time. */
static void crash_watch(int terminal_fd, uv_async_t *ended)
{
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction end = {.sa_handler = on_end, .sa_flags = SA_RESTART};
    sigemptyset(&fault.sa_mask);
    sigfillset(&end.sa_mask);
    state.fd = terminal_fd;
    state.ended = ended;
    state.signal = 0;
    if (tcgetattr(terminal_fd, &state.modes) != 0)
        return;
    for (int i = 0; i < FAULTS; i++)
        take(faults[i], &fault);
    for (int i = 0; i < ENDS; i++)
        take(ends[i], &end);
#ifdef SIGRTMIN
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
        take(i, &end);
#endif
    state.watching = true;
}

/* The signal that has woken `ended`; 0: none. */
static int crash_signal(void)
{
    return state.signal;
}

/* Puts the handlers back that were there before. */
static void crash_unwatch(void)
{
    if (!state.watching)
        return;
    put_back();
    memset(state.taken, 0, sizeof state.taken);
    state.watching = false;
}
