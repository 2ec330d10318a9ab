/* Filter, order and marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

static void test_filter(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    terminal_press(stage->terminal, "/");
    terminal_press(stage->terminal, "ruby");
    stage_see_gone(stage, "old-branch");
    stage_see(stage, "ruby-worker");
    stage_see_gone(stage, "rust-worker");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    golden_wait(stage->terminal, "filter");
    stage_press(stage, KEY_ESCAPE_SENT, "old-branch");
    stage_see(stage, "rust-worker");
    terminal_press(stage->terminal, "/");
    stage_press(stage, "no such", "Nothing matches the filter");
    stage_press(stage, KEY_ESCAPE_SENT, "old-branch");
    stage_quit(stage, "q");
}

static void test_filter_of_records(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    terminal_press(stage->terminal, "2");
    terminal_press(stage->terminal, "/");
    terminal_press(stage->terminal, "cargo");
    stage_see_gone(stage, "source.local");
    stage_see(stage, "cache mount /app/target");
    stage_see(stage, "old-branch"); /* the other pane keeps its rows */
    stage_press(stage, KEY_ESCAPE_SENT, "source.local");
    stage_quit(stage, "q");
}

/* The same conditions as on the command line; half a one changes nothing, a
 * wrong one is refused and the line stays. */
static void test_filter_with_conditions(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    terminal_press(stage->terminal, "2/");
    terminal_press(stage->terminal, "type:regular larger-than:1GB");
    stage_see_gone(stage, "source.local");
    stage_see_gone(stage, "apt-get install");
    terminal_press(stage->terminal, " in-use:");
    stage_see(stage, "cargo build");
    stage_press(stage, "maybe" KEY_ENTER_SENT, "in-use: is yes or no");
    terminal_press(stage->terminal, "\027in-use:no" KEY_ENTER_SENT); /* Ctrl-W: the last word */
    stage_see(stage, "Nothing matches the filter");
    terminal_press(stage->terminal, "/\025"
                                    "match:^RUN (apt|yum)" KEY_ENTER_SENT);
    stage_see(stage, "RUN apt-get install");
    stage_press(stage, KEY_ESCAPE_SENT, "source.local");
    terminal_press(stage->terminal, "1/");
    terminal_press(stage->terminal, "older-than:7d");
    stage_see_gone(stage, "rust-worker");
    stage_see(stage, "old-branch");
    stage_press(stage, KEY_ESCAPE_SENT, "rust-worker");
    stage_quit(stage, "q");
}

static void test_order(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    terminal_press(stage->terminal, "2");
    stage_see_above(stage, "cargo build", "apt-get install"); /* by size */
    stage_see_above(stage, "apt-get install", "local source");
    terminal_press(stage->terminal, "s");
    stage_see_above(stage, "local source", "apt-get install");
    stage_see_above(stage, "apt-get install", "cache mount");
    stage_quit(stage, "q");
}

static void test_marks(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    terminal_press(stage->terminal, "g ");
    terminal_press(stage->terminal, "G ");
    golden_wait(stage->terminal, "marks");
    terminal_press(stage->terminal, "u");
    stage_see_gone(stage, "2 marked");
    stage_press(stage, "a", "4 marked");
    stage_quit(stage, "q");
}

static void test_selection_survives_a_refresh(void **state)
{
    struct stage *stage = *state;
    static const struct fake_cache more = {"aaa-new", 1, 90000000, 1, 3600};
    int before, after, column;
    stage_start_full(stage, 120, 40, NULL);
    terminal_press(stage->terminal, "G");
    terminal_wait_quiet(stage->terminal, 200);
    assert_true(terminal_find(stage->terminal, "old-branch", &before, &column));
    assert_true((terminal_look(stage->terminal, before, column) & LOOK_REVERSE) != 0);
    world_add_cache(stage->world, &more);
    stage_see(stage, "aaa-new");
    stage_see(stage, "90.");
    assert_true(terminal_find(stage->terminal, "old-branch", &after, &column));
    assert_true((terminal_look(stage->terminal, after, column) & LOOK_REVERSE) != 0);
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_filter),
        CASE(test_filter_of_records),
        CASE(test_filter_with_conditions),
        CASE(test_order),
        CASE(test_marks),
        CASE(test_selection_survives_a_refresh),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
