/* Expected to fail (XFAIL): it proves that the harness can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/screen/golden.h"
#include "tests/screen/terminal.h"
#include "tests/support/limit.h"

/* A failing case does not free what it holds: no news here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static struct terminal *start(int columns)
{
    const char *const argv[] = {getenv("BILGE_TEST_TOY"), NULL};
    const char *const environment[] = {"TERM=xterm-256color", "LC_ALL=C.UTF-8", NULL};
    struct terminal *terminal = terminal_start(&(struct terminal_spec){
        .argv = argv, .environment = environment, .columns = columns, .rows = 6});
    terminal_set_patience(terminal, 2000);
    terminal_wait_text(terminal, "toy");
    terminal_set_patience(terminal, 300);
    return terminal;
}

static int stop_program(void **state)
{
    terminal_free(*state);
    return 0;
}

static void test_text_that_never_comes(void **state)
{
    *state = start(30);
    terminal_wait_text(*state, "no such text");
}

static void test_text_that_stays(void **state)
{
    *state = start(30);
    terminal_wait_gone(*state, "toy");
}

static void test_other_screen_than_the_golden_one(void **state)
{
    *state = start(30);
    terminal_press_wait(*state, "a", "key 97");
    golden_wait(*state, "toy");
}

static void test_program_that_never_ends(void **state)
{
    *state = start(30);
    terminal_wait_exit(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_text_that_never_comes, stop_program),
        cmocka_unit_test_teardown(test_text_that_stays, stop_program),
        cmocka_unit_test_teardown(test_other_screen_than_the_golden_one, stop_program),
        cmocka_unit_test_teardown(test_program_that_never_ends, stop_program),
    };
    limit_program(60);
    unsetenv("BILGE_UPDATE_GOLDEN");
    cmocka_run_group_tests(tests, NULL, NULL);
    return 0; /* the cases are counted one by one */
}
