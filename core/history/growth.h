/* How sizes went, going by samples of them: in even slots of time for charts,
 * and how fast they grow. Pure; says nothing rather than something that the
 * samples do not bear. */
#ifndef BILGE_HISTORY_GROWTH_H
#define BILGE_HISTORY_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/history/history.h"

#define GROWTH_UNKNOWN INT64_C(-1)
/* Without a sample for longer than this, nobody looked. */
#define USAGE_GAP (INT64_C(45) * 60 * 1000000000)

/* Even slots of `slot` nanoseconds, the last one ends at `now`: the lowest
 * sample of each; in one without a sample what was last seen, or GROWTH_UNKNOWN
 * where nobody looked. Points are in the order of time. */
void growth_fill(const struct history_point *points, size_t len, int64_t now, int64_t slot,
                 int64_t *ret_slots, size_t slots_len);

/* What a size gained; what was deleted does not count. Zero: not known. */
struct growth {
    bool known;
    int64_t day_bytes, week_bytes; /* in the last day, the last week */
    int64_t per_hour_bytes;        /* in the last day, as far as it was looked at */
    int64_t per_build_bytes;       /* 0: not known, or nothing to speak of */
};
/* Needs three samples over half an hour. per_build_bytes stays 0. */
struct growth growth_measure(const struct history_point *points, size_t len, int64_t now);

struct growth_build {
    int64_t start, end;
};
/* What a size gains with each build, or (sign -1) loses: the mean over the last
 * builds that have samples around them. 0 unless it is above a megabyte and at
 * least twice its standard error. Builds are in any order; such that overlap,
 * or have no sample in between, share what there is. */
int64_t growth_per_build(const struct history_point *points, size_t len,
                         const struct growth_build *builds, size_t builds_len, int sign);

/* The mean of these, by the same rule. */
int64_t growth_mean(const int64_t *bytes, size_t len);

#endif
