/* The facade: builds, and being closed in the midst of things. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tests/unit/run_kit.h"

static void test_a_build_runs_and_ends(void **state)
{
    struct run *run = run_usual();
    (void)state;
    run_script_build(run, "log");
    uint64_t id = run_build(run, "orchestration");
    assert_string_equal(run_row(run, "orchestration")->busy_sign, "bilge builds it now");
    assert_null(run_row(run, "ruby-worker")->busy_sign);
    assert_int_equal(run_row(run, "orchestration")->last_build_id, id);
    WAIT(run, store_build(run->store, id)->state == BUILD_DONE);
    WAIT(run, run_row(run, "orchestration")->busy_sign == NULL);
    assert_true(run->output.len > 0);
    assert_int_equal(store_last_build(run->store, "orchestration")->id, id);
    run_close(run);
}

static void test_builds_and_removals_keep_apart(void **state)
{
    struct run *run = run_usual();
    struct query query = query_garbage();
    struct bilge_build_options options = {0};
    struct err err;
    uint64_t other = 0;
    (void)state;
    run_plan(run, &query);
    run_script_build(run, "hang");
    uint64_t id = run_build(run, "orchestration");
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), ERR_CHANGED);
    const char *again[] = {"orchestration"}, *unknown[] = {"old-branch"}, *next[] = {"ruby-worker"};
    assert_int_equal(bilge_build(run->bilge, unknown, 1, &options, &other, &err), ERR_USAGE);
    assert_int_equal(bilge_build(run->bilge, next, 1, &options, &other, &err), 0);
    bilge_build_stop(run->bilge, other);
    assert_null(store_build(run->store, other));
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 0);
    assert_true(run->plan->kept[0].busy);
    assert_string_equal(run->plan->kept[0].reason, "bilge builds it now");
    bilge_build_stop(run->bilge, id);
    WAIT(run, store_build(run->store, id)->state == BUILD_CANCELLED);
    run_plan(run, &query);
    assert_true(run->plan->items_len > 0);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
    run->plan = NULL;
    run_script_build(run, "log");
    assert_int_equal(bilge_build(run->bilge, again, 1, &options, &other, &err), 0);
    assert_int_equal(store_build(run->store, other)->state, BUILD_QUEUED);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
    WAIT(run, store_build(run->store, other)->state == BUILD_DONE);
    run_close(run);
}

static void test_close_at_every_pass_of_a_start(void **state)
{
    (void)state;
    for (int passes = 0; passes < 12; passes++) {
        struct run *run = run_new(world_new_usual());
        world_start_engine(run->world);
        run->options.watch = true;
        run_open(run);
        for (int i = 0; i < passes; i++)
            uv_run(&run->loop.loop, UV_RUN_ONCE);
        run_close(run);
    }
}

static void test_close_while_planning_removing_building(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        struct run *run = run_usual();
        struct query query = query_garbage();
        struct err err;
        if (what == 0) {
            assert_int_equal(bilge_plan(run->bilge, &query, run_on_plan, run, &err), 0);
            uv_run(&run->loop.loop, UV_RUN_ONCE);
        } else if (what < 3) {
            run_plan(run, &query);
            assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
            run->plan = NULL;
            for (int i = 0; what == 2 && i < 6; i++)
                uv_run(&run->loop.loop, UV_RUN_ONCE);
        } else {
            run_script_build(run, "hang");
            run_build(run, "orchestration");
            WAIT(run, run->output.len > 0);
        }
        run_close(run);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_build_runs_and_ends),
        cmocka_unit_test(test_builds_and_removals_keep_apart),
        cmocka_unit_test(test_close_at_every_pass_of_a_start),
        cmocka_unit_test(test_close_while_planning_removing_building),
    };
    limit_program(120);
    signal(SIGPIPE, SIG_IGN); /* as the program does: an engine may die */
    return cmocka_run_group_tests_name("bilge_builds", tests, NULL, NULL);
}
