#include "core/history/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

#define MIN_SAMPLES 3
#define MIN_SPAN (30 * MINUTE)
/* A build whose nearest samples are further away says nothing. */
#define NEAR (20 * MINUTE)
#define BUILDS_MIN 5
#define BUILDS_MAX 50
#define PER_BUILD_MIN 1e6
/* Such a step against the trend while a build ran is somebody cleaning up. */
#define CLEAN_UP_BYTES (64 << 20)

/* The first point at `at` or later. */
static size_t first_from(const struct history_point *points, size_t len, int64_t at)
{
    size_t low = 0;
    while (low < len) {
        size_t middle = low + (len - low) / 2;
        if (points[middle].at < at)
            low = middle + 1;
        else
            len = middle;
    }
    return low;
}

void growth_fill(const struct history_point *points, size_t len, int64_t now, int64_t slot,
                 int64_t *ret_slots, size_t slots_len)
{
    len = first_from(points, len, now + 1); /* clocks go back at times */
    for (size_t i = 0; i < slots_len; i++) {
        int64_t from = now - (int64_t)(slots_len - i) * slot, to = from + slot;
        size_t first = first_from(points, len, from + 1);
        size_t end = first_from(points, len, to + 1);
        int64_t lowest = GROWTH_UNKNOWN;
        for (size_t k = first; k < end; k++)
            if (lowest == GROWTH_UNKNOWN || points[k].bytes < lowest)
                lowest = points[k].bytes;
        if (first == end && first > 0) {
            int64_t next = end < len ? points[end].at : now;
            if (next - points[first - 1].at <= USAGE_GAP)
                lowest = points[first - 1].bytes;
        }
        ret_slots[i] = lowest;
    }
}

static int64_t gained(const struct history_point *points, size_t from, size_t len)
{
    int64_t sum = 0;
    for (size_t i = from > 0 ? from : 1; i < len; i++)
        if (points[i].bytes > points[i - 1].bytes)
            sum += points[i].bytes - points[i - 1].bytes;
    return sum;
}

struct growth growth_measure(const struct history_point *points, size_t len, int64_t now)
{
    size_t week = first_from(points, len, now - WEEK), day = first_from(points, len, now - DAY);
    if (len - day < MIN_SAMPLES || points[len - 1].at - points[day].at < MIN_SPAN)
        return (struct growth){0};
    /* From the last look before the window on, when that was not long before. */
    bool whole = day > 0 && points[day].at - points[day - 1].at <= USAGE_GAP;
    int64_t span = whole ? DAY : now - points[day].at;
    struct growth growth = {.known = true};
    growth.day_bytes = gained(points, whole ? day : day + 1, len);
    growth.week_bytes = gained(points, week + 1, len);
    growth.per_hour_bytes =
        (int64_t)((double)growth.day_bytes / ((double)span / (double)HOUR) + 0.5);
    return growth;
}

/* ---------------------------------------------------------------- by builds */

static int by_start(const void *a, const void *b)
{
    const struct growth_build *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

int64_t growth_mean(const int64_t *bytes, size_t len)
{
    double sum = 0, squares = 0;
    if (len < BUILDS_MIN)
        return 0;
    for (size_t i = 0; i < len; i++)
        sum += (double)bytes[i];
    double mean = sum / (double)len;
    for (size_t i = 0; i < len; i++)
        squares += ((double)bytes[i] - mean) * ((double)bytes[i] - mean);
    double error = sqrt(squares / (double)(len - 1) / (double)len);
    return mean >= PER_BUILD_MIN && mean >= 2 * error ? (int64_t)(mean + 0.5) : 0;
}

/* Builds that stand between the same two samples. */
struct stretch {
    size_t before, after; /* samples */
    int64_t end;          /* of the last build */
    size_t builds;
};

static bool was_cleaned(const struct history_point *points, const struct stretch *stretch, int sign)
{
    for (size_t i = stretch->before + 1; i <= stretch->after; i++)
        if (sign * (points[i].bytes - points[i - 1].bytes) < -CLEAN_UP_BYTES)
            return true;
    return false;
}

/* The samples around one build; false: there are none near. */
static bool find_samples(const struct history_point *points, size_t len,
                         const struct growth_build *build, struct stretch *ret_stretch)
{
    size_t before = first_from(points, len, build->start + 1);
    size_t after = first_from(points, len, build->end);
    if (before == 0 || after == len || build->start - points[before - 1].at > NEAR ||
        points[after].at - build->end > NEAR || after == before - 1)
        return false;
    *ret_stretch = (struct stretch){before - 1, after, build->end, 1};
    return true;
}

struct gains {
    int64_t bytes[BUILDS_MAX];
    size_t len;
};

static void add_gain(struct gains *gains, const struct history_point *points,
                     const struct stretch *stretch, int sign)
{
    if (stretch->builds == 0 || was_cleaned(points, stretch, sign))
        return;
    int64_t gain = sign * (points[stretch->after].bytes - points[stretch->before].bytes);
    for (size_t i = 0; i < stretch->builds; i++) {
        if (gains->len == BUILDS_MAX)
            memmove(gains->bytes, gains->bytes + 1, --gains->len * sizeof *gains->bytes);
        gains->bytes[gains->len++] = gain / (int64_t)stretch->builds;
    }
}

int64_t growth_per_build(const struct history_point *points, size_t len,
                         const struct growth_build *builds, size_t builds_len, int sign)
{
    struct growth_build *sorted = mem_alloc((builds_len + 1) * sizeof *sorted);
    struct gains gains = {.len = 0};
    struct stretch current = {0}, next;
    if (builds_len > 0) {
        memcpy(sorted, builds, builds_len * sizeof *sorted);
        qsort(sorted, builds_len, sizeof *sorted, by_start);
    }
    for (size_t i = 0; i < builds_len; i++) {
        if (!find_samples(points, len, &sorted[i], &next))
            continue;
        if (current.builds > 0 && next.before < current.after) {
            /* Rows of services that were built at once are one build. */
            current.builds += sorted[i].start >= current.end;
            current.end = next.end > current.end ? next.end : current.end;
            current.after = next.after > current.after ? next.after : current.after;
        } else {
            add_gain(&gains, points, &current, sign);
            current = next;
        }
    }
    add_gain(&gains, points, &current, sign);
    free(sorted);
    return growth_mean(gains.bytes, gains.len);
}
