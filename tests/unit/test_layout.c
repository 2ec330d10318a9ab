#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tui/kit/layout.h"

static void test_forms(void **state)
{
    static const struct {
        int rows, cols;
        enum layout_form form;
    } cases[] = {
        {9, 200, LAYOUT_TOO_SMALL}, {60, 39, LAYOUT_TOO_SMALL}, {0, 0, LAYOUT_TOO_SMALL},
        {10, 40, LAYOUT_SINGLE},    {17, 200, LAYOUT_SINGLE},   {18, 40, LAYOUT_STACKED},
        {24, 80, LAYOUT_STACKED},   {40, 149, LAYOUT_STACKED},  {18, 150, LAYOUT_WIDE},
        {60, 200, LAYOUT_WIDE},
    };
    static const int wanted[PANES] = {5, 100, 12};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(layout_main(cases[i].rows, cases[i].cols, PANE_RECORDS, wanted).form,
                         cases[i].form);
}

/* Header, footer and the title rows leave nothing over and nothing twice. */
static void test_rows_add_up(void **state)
{
    static const int wants[][PANES] = {
        {1, 1, 1}, {5, 30, 12}, {100, 1000, 12}, {1000, 1, 1}, {1, 1000, 1}, {2, 3, 1000},
    };
    (void)state;
    for (int rows = LAYOUT_STACK_ROWS; rows < 80; rows++) {
        for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
            struct layout layout = layout_main(rows, 80, PANE_SERVICES, wants[i]);
            int y = 2;
            for (int pane = 0; pane < PANES; pane++) {
                assert_int_equal(layout.panes[pane].y, y);
                assert_true(layout.panes[pane].rows >= 1);
                assert_int_equal(layout.panes[pane].x, 1);
                assert_int_equal(layout.panes[pane].cols, 78);
                y += layout.panes[pane].rows + 1;
            }
            assert_int_equal(y, rows);
        }
    }
}

static void test_shares(void **state)
{
    static const int wanted[PANES] = {5, 1000, 12};
    (void)state;
    struct layout layout = layout_main(24, 80, PANE_SERVICES, wanted);
    assert_int_equal(layout.panes[PANE_SERVICES].rows, 5);
    assert_true(layout.panes[PANE_RECORDS].rows >= 6);
    assert_true(layout.panes[PANE_BUILD].rows >= 6);

    static const int little[PANES] = {2, 3, 1}; /* the records get what nobody wants */
    layout = layout_main(24, 80, PANE_SERVICES, little);
    assert_int_equal(layout.panes[PANE_BUILD].rows, 1);
    assert_int_equal(layout.panes[PANE_RECORDS].rows, 16);
}

static void test_single_shows_the_focus(void **state)
{
    static const int wanted[PANES] = {5, 1000, 12};
    (void)state;
    struct layout layout = layout_main(10, 40, PANE_BUILD, wanted);
    assert_int_equal(layout.panes[PANE_SERVICES].rows, 0);
    assert_int_equal(layout.panes[PANE_RECORDS].rows, 0);
    assert_int_equal(layout.panes[PANE_BUILD].rows, 7);
    assert_int_equal(layout.panes[PANE_BUILD].y, 2);
    assert_int_equal(layout.panes[PANE_BUILD].cols, 38);
}

static void test_wide_shares_one_edge(void **state)
{
    static const int wanted[PANES] = {5, 1000, 12};
    (void)state;
    for (int cols = LAYOUT_WIDE_COLS; cols < 300; cols++) {
        struct layout layout = layout_main(60, cols, PANE_SERVICES, wanted);
        const struct layout_rect *left = &layout.panes[PANE_SERVICES];
        const struct layout_rect *right = &layout.panes[PANE_BUILD];
        assert_int_equal(left->x + left->cols + 1, right->x);
        assert_int_equal(right->x + right->cols, cols - 1);
        assert_int_equal(right->y + right->rows, 59);
        assert_int_equal(layout.panes[PANE_RECORDS].y + layout.panes[PANE_RECORDS].rows, 59);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_rows_add_up),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_single_shows_the_focus),
        cmocka_unit_test(test_wide_shares_one_edge),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
