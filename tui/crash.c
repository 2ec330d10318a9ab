#include "tui/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CRASHES = 5 };
static const int crashes[CRASHES] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* A signal handler gets no argument, so this cannot live in an object. */
static struct {
    int fd;
    bool watching;
    struct termios modes;
    struct sigaction old[CRASHES];
} state;

/* Mouse reports off, attributes off, cursor seen, keypad and the alternate
 * screen left: what xterm and all that imitate it understand, written out
 * because terminfo cannot be asked inside a signal handler. */
static const char reset[] = "\033[?1006l\033[?1000l\033[m\033[?25h\033[?1l\033>\033[?1049l\r\n";

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    ssize_t written = write(state.fd, reset, sizeof reset - 1);
    (void)written;
    tcsetattr(state.fd, TCSANOW, &state.modes);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &state.old[i], NULL);
    /* A fault comes again by itself when we return, with all that a debugger
     * or sanitizer wants to know of it; what was sent has to be sent again. */
    if (info->si_code <= 0)
        raise(number);
}

void crash_watch(int terminal_fd)
{
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    state.fd = terminal_fd;
    if (tcgetattr(terminal_fd, &state.modes) != 0)
        return;
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &action, &state.old[i]);
    state.watching = true;
}

void crash_unwatch(void)
{
    if (!state.watching)
        return;
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &state.old[i], NULL);
    state.watching = false;
}
