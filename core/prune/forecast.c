/* The slope is the median of the slopes between all pairs of samples
 * (Theil–Sen): builds take space in steps, and single large files come and go;
 * neither bends a median much. */
#include "core/prune/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define MIN_POINTS 5
#define MAX_POINTS 200
#define MIN_SPAN (30 * 60 * CLOCK_SECOND)
#define HORIZON (30 * 24 * 3600 * CLOCK_SECOND)
#define LOOK_BACK (7 * 24 * 3600 * CLOCK_SECOND)

/* A jump up of the free space by this share of what had been taken, or more,
 * is somebody cleaning up: what came before says nothing of what comes. */
#define CLEAN_UP_SHARE 0.2

static size_t start_after_clean_up(const struct history_point *points, size_t len, int64_t now)
{
    size_t start = len;
    while (start > 0 && points[start - 1].at >= now - LOOK_BACK)
        start--;
    int64_t highest = start < len ? points[start].bytes : 0;
    for (size_t i = start + 1; i < len; i++) {
        int64_t jump = points[i].bytes - points[i - 1].bytes;
        int64_t taken = highest - points[i - 1].bytes;
        if (jump > 0 && (double)jump >= CLEAN_UP_SHARE * (double)taken && jump > (64 << 20)) {
            start = i;
            highest = points[i].bytes;
        }
        if (points[i].bytes > highest)
            highest = points[i].bytes;
    }
    return start;
}

/* At most MAX_POINTS, evenly chosen, the newest among them. */
static size_t choose(const struct history_point *points, size_t len, struct history_point *chosen)
{
    size_t count = len < MAX_POINTS ? len : MAX_POINTS;
    for (size_t i = 0; i < count; i++)
        chosen[i] = points[count < 2 ? 0 : i * (len - 1) / (count - 1)];
    return count;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bytes per nanosecond; 0 when the samples do not agree on a direction. */
static double median_slope(const struct history_point *points, size_t len)
{
    double *slopes = mem_alloc(len * len / 2 * sizeof *slopes);
    size_t count = 0, falling = 0;
    for (size_t i = 0; i < len; i++)
        for (size_t j = i + 1; j < len; j++) {
            if (points[j].at <= points[i].at)
                continue;
            slopes[count] = (double)(points[j].bytes - points[i].bytes) /
                            (double)(points[j].at - points[i].at);
            falling += slopes[count++] < 0;
        }
    double slope = 0;
    if (count > 0 && (double)falling >= 0.8 * (double)count) {
        qsort(slopes, count, sizeof *slopes, compare_doubles);
        slope = slopes[count / 2];
    }
    free(slopes);
    return slope;
}

struct forecast forecast_free(const struct history_point *points, size_t len, int64_t now,
                              int64_t free_bytes)
{
    struct forecast none = {0};
    struct history_point chosen[MAX_POINTS];
    size_t start = start_after_clean_up(points, len, now);
    size_t count = choose(points + start, len - start, chosen);
    if (count < MIN_POINTS || chosen[count - 1].at - chosen[0].at < MIN_SPAN)
        return none;
    double slope = median_slope(chosen, count);
    if (slope >= 0 || (double)free_bytes / -slope > (double)HORIZON)
        return none;
    return (struct forecast){
        .full_at = now + (int64_t)((double)free_bytes / -slope),
        .shrinks_per_hour = -slope * 3600 * (double)CLOCK_SECOND,
    };
}
