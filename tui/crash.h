/* Gives the terminal back when the program crashes. */
#ifndef BILGE_TUI_CRASH_H
#define BILGE_TUI_CRASH_H

/* Remembers how the terminal is set now, and restores that on SIGSEGV,
 * SIGABRT and their like before the crash takes its course. Call before the
 * first change to the terminal; one at a time. */
void crash_watch(int terminal_fd);
/* Puts the handlers back that were there before. */
void crash_unwatch(void);

#endif
