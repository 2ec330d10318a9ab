/* The free space of a disk in the last day, in one line. */
#ifndef BILGE_CLI_STATUS_CHART_H
#define BILGE_CLI_STATUS_CHART_H

#include <stdbool.h>

#include "core/store/store.h"

/* Is enough known of it: an hour at least? */
bool status_chart_wanted(const struct disk *disk);
/* Of one that is wanted. Gaps are times that nobody looked. */
void status_chart_print(const struct disk *disk);

#endif
