#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/chart.h"
#include "tests/support/limit.h"

static const char *const digits[8] = {"1", "2", "3", "4", "5", "6", "7", "8"};

static void rows_are_drawn_from_the_top(void **state)
{
    static const struct {
        int64_t slots[8];
        size_t len, columns, rows;
        int64_t top;
        const char *shown[3];
    } cases[] = {
        {{0, 1, 2, 4, 8}, 5, 5, 1, 8, {"11248"}}, /* what is there shows: 0, too */
        {{-1, -1, -1}, 3, 3, 1, 8, {"   "}},
        {{8, -1, 8}, 3, 3, 1, 8, {"8 8"}}, /* a gap is a gap */
        {{0, 8, 9, 16, -1}, 5, 5, 2, 16, {"  18 ", "1888 "}},
        {{24, 20, 4, 0}, 4, 4, 3, 24, {"84  ", "88  ", "8841"}},
        /* More slots than columns: the lowest of each. */
        {{8, 3, 5, 6, -1, 7, -1, -1}, 8, 4, 1, 8, {"357 "}},
        /* More columns than slots: each takes several. */
        {{2, 4}, 2, 6, 1, 8, {"222444"}},
        {{2, 4}, 2, 5, 1, 8, {"22244"}},
        {{9, 100}, 2, 2, 1, 8, {"88"}}, /* never out of the chart */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct chart chart = {cases[i].slots, cases[i].len, cases[i].columns,
                                    cases[i].rows,  cases[i].top, digits};
        for (size_t row = 0; row < chart.rows; row++) {
            struct buf text = {0};
            chart_append_row(&chart, row, &text);
            assert_string_equal(text.data, cases[i].shown[row]);
            buf_done(&text);
        }
    }
}

static void huge_values_are_drawn(void **state)
{
    const int64_t slots[] = {INT64_MAX, INT64_MAX / 2, 0};
    const struct chart chart = {slots, 3, 3, 2, INT64_MAX, digits};
    struct buf text = {0};
    (void)state;
    assert_true(chart_highest(slots, 3) == INT64_MAX);
    chart_append_row(&chart, 0, &text);
    assert_string_equal(text.data, "8  ");
    buf_done(&text);
}

static void the_highest_and_the_lowest(void **state)
{
    const int64_t unknown[] = {-1, -1}, some[] = {3, -1, 7, 1};
    (void)state;
    assert_int_equal(chart_highest(NULL, 0), 0);
    assert_int_equal(chart_highest(unknown, 2), 0);
    assert_int_equal(chart_highest(some, 4), 7);
    assert_int_equal(chart_lowest(NULL, 0), -1);
    assert_int_equal(chart_lowest(unknown, 2), -1);
    assert_int_equal(chart_lowest(some, 4), 1);
}

static void ends_stand_at_the_ends(void **state)
{
    static const struct {
        size_t columns;
        const char *shown;
    } cases[] = {
        {14, "24 h ago   now"}, {12, "24 h ago now"}, {11, "        now"}, {3, "now"}, {1, "now"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf text = {0};
        chart_append_ends(cases[i].columns, "24 h ago", "now", &text);
        assert_string_equal(text.data, cases[i].shown);
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_drawn_from_the_top),
        cmocka_unit_test(huge_values_are_drawn),
        cmocka_unit_test(the_highest_and_the_lowest),
        cmocka_unit_test(ends_stand_at_the_ends),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
