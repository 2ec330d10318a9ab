#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tui/kit/scroll.h"

static void test_moves_stay_inside(void **state)
{
    static const struct {
        size_t len, cursor;
        enum command command;
        size_t expected;
    } cases[] = {
        {0, 0, COMMAND_DOWN, 0},    {0, 0, COMMAND_BOTTOM, 0},    {0, 0, COMMAND_UP, 0},
        {1, 0, COMMAND_DOWN, 0},    {1, 0, COMMAND_UP, 0},        {9, 3, COMMAND_UP, 2},
        {9, 3, COMMAND_DOWN, 4},    {9, 8, COMMAND_DOWN, 8},      {9, 5, COMMAND_TOP, 0},
        {9, 5, COMMAND_BOTTOM, 8},  {9, 0, COMMAND_PAGE_DOWN, 3}, {9, 8, COMMAND_PAGE_UP, 5},
        {9, 1, COMMAND_PAGE_UP, 0}, {9, 7, COMMAND_PAGE_DOWN, 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scroll scroll = {.len = cases[i].len, .cursor = cases[i].cursor, .height = 4};
        assert_true(scroll_command(&scroll, cases[i].command));
        assert_int_equal(scroll.cursor, cases[i].expected);
    }
    struct scroll scroll = {.len = 9};
    assert_false(scroll_command(&scroll, COMMAND_BUILD));
    assert_false(scroll_text_command(&scroll, COMMAND_NONE));
}

static void test_window_follows_the_cursor(void **state)
{
    struct scroll scroll = {.len = 20};
    (void)state;
    scroll_show(&scroll, 5);
    assert_int_equal(scroll.top, 0);
    scroll_to(&scroll, 7);
    scroll_show(&scroll, 5);
    assert_int_equal(scroll.top, 3);
    scroll_to(&scroll, 1);
    scroll_show(&scroll, 5);
    assert_int_equal(scroll.top, 1);
    scroll_to(&scroll, 100);
    assert_int_equal(scroll.cursor, 19);
    scroll_show(&scroll, 5);
    assert_int_equal(scroll.top, 15);
    scroll_show(&scroll, 50); /* a larger window leaves no row empty */
    assert_int_equal(scroll.top, 0);
    scroll_show(&scroll, 0);
    scroll_show(&scroll, 1);
    assert_int_equal(scroll.top, 19);
}

static void test_rows_go_away(void **state)
{
    struct scroll scroll = {.len = 20, .cursor = 19};
    (void)state;
    scroll_show(&scroll, 5);
    scroll_set_len(&scroll, 3);
    scroll_show(&scroll, 5);
    assert_int_equal(scroll.cursor, 2);
    assert_int_equal(scroll.top, 0);
    scroll_set_len(&scroll, 0);
    scroll_show(&scroll, 5);
    assert_int_equal(scroll.cursor, 0);
}

static void test_text_has_no_cursor(void **state)
{
    struct scroll scroll = {.len = 20};
    (void)state;
    scroll_text_show(&scroll, 5);
    scroll_text_by(&scroll, 100);
    assert_int_equal(scroll.top, 15);
    scroll_text_by(&scroll, -3);
    assert_int_equal(scroll.top, 12);
    assert_true(scroll_text_command(&scroll, COMMAND_TOP));
    assert_int_equal(scroll.top, 0);
    scroll.top = 999; /* a search went beyond the last screen full */
    scroll_text_by(&scroll, -1);
    assert_int_equal(scroll.top, 14);
    scroll_text_show(&scroll, 30);
    assert_int_equal(scroll.top, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves_stay_inside),
        cmocka_unit_test(test_window_follows_the_cursor),
        cmocka_unit_test(test_rows_go_away),
        cmocka_unit_test(test_text_has_no_cursor),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
