/* What the history says of a build that is over: a row for each of its services. */
#ifndef BILGE_BILGE_BUILD_ROW_H
#define BILGE_BILGE_BUILD_ROW_H

#include <stdbool.h>

#include "core/builds/build.h"
#include "core/history/history.h"

/* Fills in what the build itself tells of a service (NULL: it is not told which
 * there are): its steps, state, times, tools and error. `alone`: it was built
 * without others, so the build's duration is its own. The row is empty before,
 * and owns what comes into it. */
void build_row_fill(const struct build *build, const char *service, bool alone,
                    struct history_build *row);

#endif
