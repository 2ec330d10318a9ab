#include "tui/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
static const int ends[] = {
    SIGQUIT, SIGUSR1, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGTRAP, SIGIO,
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

void crash_watch(int terminal_fd, uv_async_t *ended)
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

int crash_signal(void)
{
    return state.signal;
}

void crash_unwatch(void)
{
    if (!state.watching)
        return;
    put_back();
    memset(state.taken, 0, sizeof state.taken);
    state.watching = false;
}
