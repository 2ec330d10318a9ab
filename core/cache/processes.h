/* The list of processes, and whether it has everybody who may write to a cache. */
#ifndef BILGE_CACHE_PROCESSES_H
#define BILGE_CACHE_PROCESSES_H

#include <stdbool.h>

/* /proc, or what BILGE_PROC says: tests must not see who else builds on the machine
 * that they run on. */
const char *processes_path(void);

/* Are all of this machine's in it? Not in a container with a list of its own, and not
 * where /proc hides those of other users. Any thread. */
bool processes_all_seen(void);

#endif
