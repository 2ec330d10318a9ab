/* The harness itself, on a small program of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/screen/golden.h"
#include "tests/screen/terminal.h"
#include "tests/support/limit.h"

static int start(void **state)
{
    const char *const argv[] = {getenv("BILGE_TEST_TOY"), NULL};
    const char *const environment[] = {"TERM=xterm-256color", "LC_ALL=C.UTF-8", NULL};
    const struct terminal_spec spec = {
        .argv = argv, .environment = environment, .columns = 30, .rows = 6};
    if (argv[0] == NULL)
        return -1;
    *state = terminal_start(&spec);
    return 0;
}

static int stop_program(void **state)
{
    terminal_free(*state);
    return 0;
}

static void test_text_and_looks(void **state)
{
    struct terminal *terminal = *state;
    int row, column;
    terminal_wait_text(terminal, "toy 30 x 6");
    terminal_wait_text(terminal, "wide");
    assert_true(terminal_find(terminal, "key", &row, &column));
    assert_true(row == 1 && column == 2);
    assert_int_equal(LOOK_REVERSE, terminal_look(terminal, row, column));
    assert_int_equal(0, terminal_look(terminal, 0, 0));
    assert_true(terminal_find(terminal, "wide", &row, &column));
    assert_true(row == 2 && column == 7); /* behind two wide characters */
    assert_true(terminal_has_look(terminal, LOOK_REVERSE));
    assert_false(terminal_has_look(terminal, LOOK_COLOUR | LOOK_BOLD));
    golden_wait(terminal, "toy");
}

static void test_keys_and_end(void **state)
{
    struct terminal *terminal = *state;
    terminal_wait_text(terminal, "toy");
    assert_true(terminal_is_alternate(terminal));
    assert_false(terminal_shows_cursor(terminal));
    assert_false(terminal_is_as_before(terminal));
    terminal_press_wait(terminal, "a", "key 97");
    terminal_press_wait(terminal, KEY_DOWN_SENT, "key 258");
    terminal_press(terminal, "q");
    assert_int_equal(5, terminal_wait_exit(terminal));
    assert_false(terminal_is_alternate(terminal));
    assert_true(terminal_shows_cursor(terminal));
    assert_true(terminal_is_as_before(terminal));
}

static void test_resize(void **state)
{
    struct terminal *terminal = *state;
    terminal_wait_text(terminal, "toy 30 x 6");
    terminal_resize(terminal, 50, 9);
    terminal_wait_text(terminal, "toy 50 x 9");
    terminal_wait_gone(terminal, "key 0");
    terminal_wait_text(terminal, "key 410"); /* KEY_RESIZE */
}

static void test_crash_is_seen(void **state)
{
    struct terminal *terminal = *state;
    terminal_wait_text(terminal, "toy");
    terminal_press(terminal, "c");
    assert_int_equal(128 + SIGKILL, terminal_wait_exit(terminal));
    assert_true(terminal_is_alternate(terminal));
    assert_false(terminal_is_as_before(terminal));
}

static void test_hang_up(void **state)
{
    struct terminal *terminal = *state;
    terminal_wait_text(terminal, "toy");
    terminal_hang_up(terminal);
    assert_int_equal(128 + SIGHUP, terminal_wait_exit(terminal));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop_program)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_text_and_looks), CASE(test_keys_and_end), CASE(test_resize),
        CASE(test_crash_is_seen),  CASE(test_hang_up),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
