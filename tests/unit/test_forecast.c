/* A forecast when the samples bear one, and none when they don't. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/history/forecast.h"
#include "tests/support/limit.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define GB INT64_C(1000000000)
#define NOW (INT64_C(1000000) * HOUR)

struct series {
    struct history_point points[2000];
    size_t len;
};

/* Samples every `step` until now; the free space moves by `per_hour`, ending
 * at `last`. */
static void add_line(struct series *series, int64_t from, int64_t to, int64_t step, int64_t last,
                     int64_t per_hour)
{
    for (int64_t at = from; at <= to; at += step)
        series->points[series->len++] = (struct history_point){
            at, last - (int64_t)((double)(to - at) / (double)HOUR * (double)per_hour)};
}

static double hours_left(const struct series *series, int64_t free_bytes)
{
    struct forecast forecast = forecast_free(series->points, series->len, NOW, free_bytes);
    return forecast.full_at == 0 ? -1 : (double)(forecast.full_at - NOW) / (double)HOUR;
}

static void a_steady_decline_is_foreseen(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    add_line(&series, NOW - 10 * HOUR, NOW, 5 * MINUTE, 30 * GB, -5 * GB);
    assert_true(fabs(hours_left(&series, 30 * GB) - 6) < 0.01);
    struct forecast forecast = forecast_free(series.points, series.len, NOW, 30 * GB);
    assert_true(fabs(forecast.shrinks_per_hour - 5e9) < 1e6);
}

static void builds_take_space_in_steps(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    for (int i = 0; i <= 120; i++) /* 3 GB an hour, all at once */
        series.points[series.len++] =
            (struct history_point){NOW - (120 - i) * 5 * MINUTE, 60 * GB - i / 12 * 3 * GB};
    double hours = hours_left(&series, 30 * GB);
    assert_true(hours > 8 && hours < 12);
}

static void a_clean_up_starts_anew(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    add_line(&series, NOW - 30 * HOUR, NOW - 10 * HOUR, 15 * MINUTE, 2 * GB, -10 * GB);
    add_line(&series, NOW - 9 * HOUR, NOW, 5 * MINUTE, 80 * GB, -2 * GB);
    assert_true(fabs(hours_left(&series, 80 * GB) - 40) < 0.5);
}

static void what_the_data_do_not_bear_is_not_said(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    assert_true(hours_left(&series, GB) < 0); /* no samples at all */
    add_line(&series, NOW - 20 * MINUTE, NOW, 5 * MINUTE, 10 * GB, -5 * GB);
    assert_true(hours_left(&series, 10 * GB) < 0); /* too short a time */
    series.len = 0;
    add_line(&series, NOW - 9 * HOUR, NOW, 3 * HOUR, 10 * GB, -5 * GB);
    assert_true(hours_left(&series, 10 * GB) < 0); /* too few */
    series.len = 0;
    add_line(&series, NOW - 9 * HOUR, NOW, 5 * MINUTE, 10 * GB, GB);
    assert_true(hours_left(&series, 10 * GB) < 0); /* it grows */
    series.len = 0;
    add_line(&series, NOW - 9 * HOUR, NOW, 5 * MINUTE, 10 * GB, 0);
    assert_true(hours_left(&series, 10 * GB) < 0); /* nothing moves */
    series.len = 0;
    add_line(&series, NOW - 9 * HOUR, NOW, 5 * MINUTE, 1000 * GB, -GB / 1000);
    assert_true(hours_left(&series, 1000 * GB) < 0); /* beyond the horizon */
}

static void noise_gives_no_forecast(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    unsigned seed = 7;
    for (int i = 0; i < 200; i++) {
        seed = seed * 1103515245u + 12345u;
        series.points[series.len++] = (struct history_point){
            NOW - (200 - i) * MINUTE, 50 * GB + (int64_t)(seed >> 16) % 1000 * 20000};
    }
    assert_true(hours_left(&series, 50 * GB) < 0);
}

static void a_clock_that_stands_still_or_goes_back_does_no_harm(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    for (int i = 0; i < 50; i++)
        series.points[series.len++] = (struct history_point){NOW, (50 - i) * GB};
    assert_true(hours_left(&series, GB) < 0);
    series.len = 0;
    add_line(&series, NOW + HOUR, NOW + 5 * HOUR, 5 * MINUTE, 10 * GB, -GB);
    (void)hours_left(&series, 10 * GB);
}

static void two_thousand_samples_are_enough(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    add_line(&series, NOW - 1999 * MINUTE, NOW, MINUTE, 30 * GB, -GB);
    assert_int_equal(2000, series.len);
    assert_true(fabs(hours_left(&series, 30 * GB) - 30) < 0.5);
}

static void the_last_hours_go_before_the_last_week(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    /* Quiet for days, then 5 GB an hour. */
    add_line(&series, NOW - 6 * 24 * HOUR, NOW - 7 * HOUR, 15 * MINUTE, 65 * GB, 0);
    add_line(&series, NOW - 6 * HOUR, NOW, 5 * MINUTE, 30 * GB, -5 * GB);
    assert_true(fabs(hours_left(&series, 30 * GB) - 6) < 0.5);
}

static void what_is_far_off_is_told_by_the_whole_week(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    /* 8 GB in eight hours of each day, nothing at night: 8 GB a day. */
    for (int day = 6; day >= 0; day--) {
        int64_t morning = NOW - day * 24 * HOUR - 8 * HOUR;
        int64_t first = 200 * GB - (6 - day) * 8 * GB;
        add_line(&series, morning, morning + 8 * HOUR, 10 * MINUTE, first - 8 * GB, -GB);
    }
    double hours = hours_left(&series, 144 * GB);
    assert_true(hours > 15 * 24 && hours < 21 * 24); /* 18 days, not 6 */
}

/* Samples are dense while something happens; the time in between counts, too. */
static void dense_samples_do_not_count_for_more(void **state)
{
    (void)state;
    struct series series = {.len = 0};
    for (int hour = 5; hour >= 0; hour--) { /* ten minutes of each hour take 1 GB */
        int64_t at = NOW - hour * HOUR;
        add_line(&series, at - 10 * MINUTE, at, CLOCK_SECOND * 10, (30 + hour) * GB, -6 * GB);
    }
    double hours = hours_left(&series, 20 * GB);
    assert_true(hours > 16 && hours < 24);
}

static void builds_that_there_is_room_for(void **state)
{
    static const struct {
        int64_t free_bytes, per_build, builds;
    } cases[] = {
        {9 * GB, GB, 9}, {9 * GB - 1, GB, 8},   {GB / 2, GB, 1},    {0, GB, 1}, {9 * GB, 0, 0},
        {9 * GB, -1, 0}, {1000 * GB, GB, 1000}, {1001 * GB, GB, 0}, /* too far off to be told */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(forecast_builds(cases[i].free_bytes, cases[i].per_build), cases[i].builds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_decline_is_foreseen),
        cmocka_unit_test(builds_take_space_in_steps),
        cmocka_unit_test(a_clean_up_starts_anew),
        cmocka_unit_test(what_the_data_do_not_bear_is_not_said),
        cmocka_unit_test(noise_gives_no_forecast),
        cmocka_unit_test(a_clock_that_stands_still_or_goes_back_does_no_harm),
        cmocka_unit_test(two_thousand_samples_are_enough),
        cmocka_unit_test(the_last_hours_go_before_the_last_week),
        cmocka_unit_test(what_is_far_off_is_told_by_the_whole_week),
        cmocka_unit_test(dense_samples_do_not_count_for_more),
        cmocka_unit_test(builds_that_there_is_room_for),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
