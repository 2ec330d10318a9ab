/* The slope is the median of the slopes between all pairs of samples
 * (Theil–Sen): builds take space in steps, and single large files come and go;
 * neither bends a median much. Samples are denser while something happens, so
 * they are read off at even times first. */
#include "core/history/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define MIN_POINTS 5
#define EVEN_POINTS 150
#define HOUR (3600 * CLOCK_SECOND)
#define MIN_SPAN (30 * 60 * CLOCK_SECOND)
#define HORIZON (30 * 24 * HOUR)
#define LOOK_BACK (7 * 24 * HOUR)
#define BUILDS_HORIZON 1000

/* Looked at from the shortest on; what a window foretells for longer than four
 * times its own length is left to the next. */
static const int64_t windows[] = {6 * HOUR, 24 * HOUR, LOOK_BACK};
#define REACH 4

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

/* What lies between two samples is on the straight line between them. */
static int64_t read_off(const struct history_point *points, size_t *at, size_t len, int64_t when)
{
    while (*at + 1 < len && points[*at + 1].at <= when)
        (*at)++;
    const struct history_point *here = &points[*at], *next = here + 1;
    if (*at + 1 == len || next->at == here->at)
        return here->bytes;
    double share = (double)(when - here->at) / (double)(next->at - here->at);
    return here->bytes + (int64_t)(share * (double)(next->bytes - here->bytes));
}

static void read_evenly(const struct history_point *points, size_t len,
                        struct history_point even[EVEN_POINTS])
{
    int64_t from = points[0].at, span = points[len - 1].at - from;
    size_t at = 0;
    for (size_t i = 0; i < EVEN_POINTS; i++) {
        int64_t when = from + (int64_t)((double)span * (double)i / (EVEN_POINTS - 1));
        even[i] = (struct history_point){when, read_off(points, &at, len, when)};
    }
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
    size_t count = 0, rising = 0;
    for (size_t i = 0; i < len; i++)
        for (size_t j = i + 1; j < len; j++) {
            if (points[j].at <= points[i].at)
                continue;
            slopes[count] =
                (double)(points[j].bytes - points[i].bytes) / (double)(points[j].at - points[i].at);
            rising += slopes[count++] > 0;
        }
    double slope = 0;
    if (count > 0 && (double)rising <= 0.2 * (double)count) {
        qsort(slopes, count, sizeof *slopes, compare_doubles);
        slope = slopes[count / 2];
    }
    free(slopes);
    return slope;
}

/* Of samples in the order of time; zero when they bear nothing. */
static struct forecast look(const struct history_point *points, size_t len, int64_t now,
                            int64_t free_bytes)
{
    struct forecast none = {0};
    struct history_point even[EVEN_POINTS];
    if (len < MIN_POINTS || points[len - 1].at - points[0].at < MIN_SPAN)
        return none;
    read_evenly(points, len, even);
    double slope = median_slope(even, EVEN_POINTS);
    if (slope >= 0 || (double)free_bytes / -slope > (double)HORIZON)
        return none;
    return (struct forecast){
        .full_at = now + (int64_t)((double)free_bytes / -slope),
        .shrinks_per_hour = -slope * 3600 * (double)CLOCK_SECOND,
    };
}

struct forecast forecast_free(const struct history_point *points, size_t len, int64_t now,
                              int64_t free_bytes)
{
    struct forecast forecast = {0};
    size_t start = start_after_clean_up(points, len, now);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        size_t from = len;
        while (from > start && points[from - 1].at >= now - windows[i])
            from--;
        forecast = look(points + from, len - from, now, free_bytes);
        if (forecast.full_at != 0 &&
            forecast.full_at - now <= REACH * (points[len - 1].at - points[from].at))
            return forecast;
    }
    return forecast; /* of all that there is */
}

int64_t forecast_builds(int64_t free_bytes, int64_t per_build_bytes)
{
    int64_t builds = per_build_bytes > 0 ? free_bytes / per_build_bytes : 0;
    if (per_build_bytes > 0 && builds == 0)
        builds = 1; /* the next one */
    return builds <= BUILDS_HORIZON ? builds : 0;
}
