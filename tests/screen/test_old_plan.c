/* A plan that has stood on the screen for over a minute is made again before it
 * is carried out: the same one goes on, of another what has changed is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

static int open_later(void **state)
{
    stage_open(state);
    struct stage *stage = *state;
    char *clock = path_join(stage->world->path, "clock");
    world_setenv(stage->world, "BILGE_TEST_CLOCK", clock);
    free(clock);
    return 0;
}

static void set_ahead(struct stage *stage, const char *seconds)
{
    file_write_text(stage->world->path, "clock", seconds);
}

static void move_away(struct stage *stage, const char *service, const char *name)
{
    char *from = path_join(stage->world->caches, service);
    char *to = path_join(stage->world->path, name);
    assert_int_equal(0, rename(from, to));
    free(from);
    free(to);
}

/* The whole caches that were not exported for seven days: old-branch. */
static void plan_old_caches(struct stage *stage)
{
    terminal_press(stage->terminal, "p");
    terminal_press(stage->terminal, "o");
    stage_press(stage, KEY_ENTER_SENT, "Delete?");
    stage_see(stage, "old-branch");
}

/* The same with another one: old-branch, very-old. */
static void plan_two_old_caches(struct stage *stage)
{
    static const struct fake_cache more = {"very-old", 2, 4000000, 1, 40 * 86400};
    world_add_cache(stage->world, &more);
    stage_start_full(stage, 100, 30, NULL);
    stage_see(stage, "very-old");
    plan_old_caches(stage);
}

static void test_the_same_goes_on(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 100, 30, NULL);
    plan_old_caches(stage);
    set_ahead(stage, "90");
    stage_press(stage, "y", "Result");
    stage_see(stage, "12.0 MB in 1 item");
    assert_false(file_exists(stage->world->caches, "old-branch"));
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

/* What has come is not deleted by the yes to another plan: eight days later, two
 * caches more are abandoned. */
static void test_what_has_changed_is_shown(void **state)
{
    static const struct fake_cache younger[] = {{"spring", 2, 4000000, 1, 24 * 86400},
                                                {"summer", 3, 8000000, 1, 23 * 86400}};
    struct stage *stage = *state;
    world_add_cache(stage->world, &younger[0]);
    world_add_cache(stage->world, &younger[1]);
    for (int size = 0; size < STAGE_SIZES; size++) {
        world_stop_engine(stage->world);
        set_ahead(stage, "0");
        stage_start_full(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        plan_old_caches(stage);
        set_ahead(stage, "700000");
        stage_press(stage, "y", "ade again: 2 new (+)");
        golden_wait(stage->terminal, "plan-again");
        assert_true(file_exists(stage->world->caches, "spring/index.json"));
        assert_true(file_exists(stage->world->caches, "old-branch/index.json"));
        stage_press(stage, "n", "Tab pane");
        stage_quit(stage, "q");
    }
}

/* What has gone is told, and the second yes deletes what it was said to. */
static void test_what_has_gone_is_told(void **state)
{
    struct stage *stage = *state;
    plan_two_old_caches(stage);
    move_away(stage, "old-branch", "elsewhere");
    set_ahead(stage, "90");
    stage_press(stage, "y", "made again: 1 gone");
    stage_see(stage, "No longer in the plan (1)");
    stage_see_above(stage, "No longer in the plan (1)", "old-branch");
    stage_see(stage, "Plan ─ 1 item ");
    stage_press(stage, "y", "Result");
    assert_false(file_exists(stage->world->caches, "very-old"));
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

/* What was left out stays out of the plan that is made again. */
static void test_left_out_stays_out(void **state)
{
    struct stage *stage = *state;
    plan_two_old_caches(stage);
    stage_see(stage, "2 items");
    stage_press(stage, "g ", "Plan ─ 1 item ");
    set_ahead(stage, "90");
    stage_press(stage, "y", "Result");
    assert_false(file_exists(stage->world->caches, "very-old"));
    assert_true(file_exists(stage->world->caches, "old-branch/index.json"));
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_later, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_same_goes_on),
        CASE(test_what_has_changed_is_shown),
        CASE(test_what_has_gone_is_told),
        CASE(test_left_out_stays_out),
    };
    limit_program(300);
    if (getenv("BILGE_TEST_LATER") != NULL)
        setenv("BILGE_TEST_BIN", getenv("BILGE_TEST_LATER"), 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
