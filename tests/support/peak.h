/* How much memory a process has had at most. */
#ifndef BILGE_TESTS_SUPPORT_PEAK_H
#define BILGE_TESTS_SUPPORT_PEAK_H

#include <stdbool.h>

/* Bytes resident, of a process that runs; -1: this system does not tell. */
long peak_of(int pid);
/* A sanitizer keeps what was freed, and more beside: then it tells nothing. */
bool peak_tells(void);

#endif
