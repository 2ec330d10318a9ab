/* Gives the terminal back when a signal ends the program. */
#ifndef BILGE_TUI_CRASH_H
#define BILGE_TUI_CRASH_H

#include <uv.h>

/* Remembers how the terminal is set now, and restores that on SIGSEGV, SIGABRT
 * and their like before the crash takes its course. The first of all other
 * signals that end a program by default (SIGQUIT, SIGUSR1, SIGALRM, SIGXCPU ...)
 * only wakes `ended` (NULL: none), so that it can end in order; on the second one
 * the terminal is restored and the signal does what it does. One that is ignored
 * stays so; SIGINT, SIGTERM and SIGHUP are left alone, for they have handlers of
 * their own. Call before the first change to the terminal; one at a time. */
void crash_watch(int terminal_fd, uv_async_t *ended);
/* The signal that has woken `ended`; 0: none. */
int crash_signal(void);
/* Puts the handlers back that were there before. */
void crash_unwatch(void);

#endif
