/* How sizes went: slots for charts, growth by the hour and by the build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/history/growth.h"
#include "tests/support/limit.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MB INT64_C(1000000)
#define GB INT64_C(1000000000)
#define NOW (INT64_C(1000000) * HOUR)
#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* ------------------------------------------------------------------- slots */

static void slots_hold_the_lowest_and_show_gaps(void **state)
{
    /* Minutes before now, in slots of ten minutes; -1 ends the points. */
    static const struct {
        struct {
            int ago, bytes;
        } points[12];
        int64_t slots[12]; /* the last is the present one */
    } cases[] = {
        {{{-1, 0}}, {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        /* What was last seen holds until now for three quarters of an hour. */
        {{{25, 7}, {-1, 0}}, {-1, -1, -1, -1, -1, -1, -1, -1, -1, 7, 7, 7}},
        {{{45, 7}, {-1, 0}}, {-1, -1, -1, -1, -1, -1, -1, 7, 7, 7, 7, 7}},
        {{{46, 7}, {-1, 0}}, {-1, -1, -1, -1, -1, -1, -1, 7, -1, -1, -1, -1}},
        {{{119, 7}, {-1, 0}}, {7, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        /* Between two looks that are near each other, too. */
        {{{115, 7}, {75, 5}, {-1, 0}}, {7, 7, 7, 7, 5, -1, -1, -1, -1, -1, -1, -1}},
        /* Far from each other: nobody looked. */
        {{{115, 7}, {5, 5}, {-1, 0}}, {7, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 5}},
        /* Of several in a slot the lowest; the next begins with the last. */
        {{{19, 9}, {18, 2}, {17, 8}, {-1, 0}}, {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 8}},
        /* One from before the first slot, and one from the future. */
        {{{125, 4}, {95, 3}, {-9, 1}, {-1, 0}}, {4, 4, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {{{0, 0}, {-1, 0}}, {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0}},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct history_point points[12];
        int64_t slots[12];
        size_t len = 0;
        for (; cases[i].points[len].ago != -1; len++)
            points[len] = (struct history_point){NOW - cases[i].points[len].ago * MINUTE,
                                                 cases[i].points[len].bytes};
        growth_fill(points, len, NOW, 10 * MINUTE, slots, 12);
        for (size_t k = 0; k < 12; k++)
            if (slots[k] != cases[i].slots[k])
                fail_msg("case %zu, slot %zu: %lld, not %lld", i, k, (long long)slots[k],
                         (long long)cases[i].slots[k]);
    }
}

/* ------------------------------------------------------------------ growth */

struct series {
    struct history_point points[3000];
    size_t len;
};

static void add(struct series *series, int64_t at, int64_t bytes)
{
    series->points[series->len++] = (struct history_point){at, bytes};
}

static void what_is_deleted_does_not_count(void **state)
{
    struct series series = {.len = 0};
    (void)state;
    /* Each hour 1 GB more; 20 GB go after half of the day. */
    for (int hour = 30; hour >= 0; hour--)
        add(&series, NOW - hour * HOUR, 100 * GB - hour * GB - (hour <= 12 ? 20 * GB : 0));
    struct growth growth = growth_measure(series.points, series.len, NOW);
    assert_true(growth.known);
    assert_int_equal(growth.day_bytes, 23 * GB); /* hourly samples are too far apart for the 24th */
    assert_int_equal(growth.week_bytes, 29 * GB);
    assert_true(growth.per_hour_bytes > 900 * MB && growth.per_hour_bytes < 1100 * MB);
    assert_int_equal(growth.per_build_bytes, 0);
}

static void little_says_nothing(void **state)
{
    static const struct {
        int64_t ago[4]; /* minutes; -1 ends */
        bool known;
    } cases[] = {
        {{-1}, false},           {{40, -1}, false},
        {{40, 0, -1}, false},    {{20, 10, 0, -1}, false},   /* too short a time */
        {{40, 10, 0, -1}, true}, {{3000, 40, 0, -1}, false}, /* only two in the last day */
    };
    (void)state;
    assert_false(growth_measure(NULL, 0, NOW).known);
    for (size_t i = 0; i < LEN(cases); i++) {
        struct series series = {.len = 0};
        for (size_t k = 0; cases[i].ago[k] >= 0 && k < 4; k++)
            add(&series, NOW - cases[i].ago[k] * MINUTE, (int64_t)k * GB);
        struct growth growth = growth_measure(series.points, series.len, NOW);
        if (growth.known != cases[i].known)
            fail_msg("case %zu", i);
    }
}

static void a_short_look_counts_for_its_time_alone(void **state)
{
    struct series series = {.len = 0};
    (void)state;
    for (int minute = 60; minute >= 0; minute -= 10)
        add(&series, NOW - minute * MINUTE, (60 - minute) * 100 * MB);
    struct growth growth = growth_measure(series.points, series.len, NOW);
    assert_int_equal(growth.day_bytes, 6 * GB);
    assert_int_equal(growth.per_hour_bytes, 6 * GB);
}

/* ----------------------------------------------------------------- builds */

/* Builds of two minutes, one every half an hour, with a sample right before and
 * one right after; each adds[i] MB. */
struct day {
    struct series series;
    struct growth_build builds[60];
    size_t builds_len;
    int64_t at, bytes;
};

static void build(struct day *day, int64_t adds_mb)
{
    day->at += 30 * MINUTE;
    add(&day->series, day->at, day->bytes);
    day->builds[day->builds_len++] = (struct growth_build){day->at, day->at + 2 * MINUTE};
    day->bytes += adds_mb * MB;
    add(&day->series, day->at + 2 * MINUTE + CLOCK_SECOND, day->bytes);
}

static int64_t per_build(const struct day *day, int sign)
{
    return growth_per_build(day->series.points, day->series.len, day->builds, day->builds_len,
                            sign);
}

static void the_mean_is_said_when_it_is_one(void **state)
{
    static const struct {
        int64_t adds_mb[10]; /* 0 ends */
        int64_t mb;          /* 0: nothing */
    } cases[] = {
        {{0}, 0},
        {{500, 500, 500, 500, 0}, 0}, /* four are too few */
        {{500, 500, 500, 500, 500, 0}, 500},
        {{300, 700, 500, 400, 600, 0}, 500},
        {{1, 1, 1, 1, 5000, 0}, 0},         /* one says nothing of the others */
        {{-500, 500, 400, -400, 10, 0}, 0}, /* up and down */
        {{-50, -50, -50, -50, -50, 0}, 0},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct day day = {.at = NOW - DAY, .bytes = 50 * GB};
        for (size_t k = 0; cases[i].adds_mb[k] != 0; k++)
            build(&day, cases[i].adds_mb[k]);
        if (per_build(&day, 1) != cases[i].mb * MB)
            fail_msg("case %zu: %lld", i, (long long)per_build(&day, 1));
    }
}

static void free_space_is_lost(void **state)
{
    struct day day = {.at = NOW - DAY, .bytes = 50 * GB};
    (void)state;
    for (int i = 0; i < 8; i++)
        build(&day, -800);
    assert_int_equal(per_build(&day, -1), 800 * MB);
    assert_int_equal(per_build(&day, 1), 0);
}

static void services_of_one_build_share_it(void **state)
{
    struct day day = {.at = NOW - DAY, .bytes = 50 * GB};
    (void)state;
    for (int i = 0; i < 6; i++) {
        build(&day, 900);
        /* Two more rows of it, of other services that were done sooner. */
        for (int more = 0; more < 2; more++) {
            day.builds[day.builds_len] = day.builds[day.builds_len - 1];
            day.builds[day.builds_len++].end -= MINUTE;
        }
    }
    assert_int_equal(per_build(&day, 1), 900 * MB);
}

static void builds_without_a_sample_between_share_what_there_is(void **state)
{
    struct day day = {.at = NOW - DAY, .bytes = 50 * GB};
    (void)state;
    for (int i = 0; i < 5; i++) {
        build(&day, 600);
        struct growth_build *last = &day.builds[day.builds_len - 1];
        /* Three in a row, in the same two minutes. */
        int64_t third = 40 * CLOCK_SECOND, start = last->start;
        *last = (struct growth_build){start, start + third};
        day.builds[day.builds_len++] = (struct growth_build){start + third, start + 2 * third};
        day.builds[day.builds_len++] = (struct growth_build){start + 2 * third, start + 3 * third};
    }
    assert_int_equal(per_build(&day, 1), 200 * MB);
}

static void what_was_cleaned_up_meanwhile_is_left_out(void **state)
{
    struct day day = {.at = NOW - DAY, .bytes = 50 * GB};
    (void)state;
    for (int i = 0; i < 6; i++)
        build(&day, 500);
    build(&day, -10000);
    assert_int_equal(per_build(&day, 1), 500 * MB);
}

static void builds_far_from_any_sample_say_nothing(void **state)
{
    struct day day = {.at = NOW - DAY, .bytes = 50 * GB};
    struct growth_build builds[8];
    struct series series = {.len = 0};
    (void)state;
    for (int i = 0; i < 8; i++) { /* a sample every two hours, a build in the middle */
        add(&series, NOW - (20 - 2 * i) * HOUR, i * GB);
        builds[i] = (struct growth_build){NOW - (19 - 2 * i) * HOUR, NOW - (19 - 2 * i) * HOUR};
    }
    assert_int_equal(growth_per_build(series.points, series.len, builds, 8, 1), 0);
    assert_int_equal(growth_per_build(NULL, 0, builds, 8, 1), 0);
    assert_int_equal(growth_per_build(series.points, series.len, NULL, 0, 1), 0);
    /* Builds in the order of the newest first are read the same. */
    for (int i = 0; i < 6; i++)
        build(&day, 100 * (i % 3 + 3));
    int64_t mean = per_build(&day, 1);
    for (size_t i = 0; i < day.builds_len / 2; i++) {
        struct growth_build swap = day.builds[i];
        day.builds[i] = day.builds[day.builds_len - 1 - i];
        day.builds[day.builds_len - 1 - i] = swap;
    }
    assert_true(mean > 0);
    assert_int_equal(per_build(&day, 1), mean);
}

static void the_newest_builds_count(void **state)
{
    struct day day = {.at = NOW - 40 * DAY, .bytes = 50 * GB};
    struct growth_build builds[200];
    struct series series = {.len = 0};
    (void)state;
    (void)day;
    for (int i = 0; i < 200; i++) { /* 1 GB each at first, then 100 MB */
        int64_t at = NOW - (200 - i) * HOUR;
        static int64_t bytes;
        bytes = i == 0 ? 0 : bytes;
        add(&series, at, bytes);
        builds[i] = (struct growth_build){at, at + MINUTE};
        bytes += i < 150 ? GB : 100 * MB;
        add(&series, at + MINUTE, bytes);
    }
    assert_int_equal(growth_per_build(series.points, series.len, builds, 200, 1), 100 * MB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_hold_the_lowest_and_show_gaps),
        cmocka_unit_test(what_is_deleted_does_not_count),
        cmocka_unit_test(little_says_nothing),
        cmocka_unit_test(a_short_look_counts_for_its_time_alone),
        cmocka_unit_test(the_mean_is_said_when_it_is_one),
        cmocka_unit_test(free_space_is_lost),
        cmocka_unit_test(services_of_one_build_share_it),
        cmocka_unit_test(builds_without_a_sample_between_share_what_there_is),
        cmocka_unit_test(what_was_cleaned_up_meanwhile_is_left_out),
        cmocka_unit_test(builds_far_from_any_sample_say_nothing),
        cmocka_unit_test(the_newest_builds_count),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
