/* When will a disk be full, going by how its free space has moved? Says
 * nothing rather than something that the data do not bear. */
#ifndef BILGE_HISTORY_FORECAST_H
#define BILGE_HISTORY_FORECAST_H

#include <stddef.h>
#include <stdint.h>

#include "core/history/history.h"

struct forecast {
    int64_t full_at;         /* 0: no forecast */
    double shrinks_per_hour; /* bytes; 0: no forecast */
};

/* `points`: free bytes of one file system, oldest first; `now` and `free_bytes`
 * are the present. Only what came after the last clean-up counts, and of that
 * the last hours as long as they reach far enough: what is to come within six
 * hours is not told by what was a week ago. Needs five samples over half an
 * hour or more, nearly all of the movement in one direction, and an end within
 * 30 days. Pure. */
struct forecast forecast_free(const struct history_point *points, size_t len, int64_t now,
                              int64_t free_bytes);

/* How many builds that take `per_build_bytes` each there is room for; 0: no
 * forecast, as when that is not known, or far away. */
int64_t forecast_builds(int64_t free_bytes, int64_t per_build_bytes);

#endif
