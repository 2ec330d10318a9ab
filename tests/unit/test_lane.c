/* Threads for work that may never come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/lane.h"
#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"

struct probe {
    struct lane_job job; /* first: each is the other */
    int pipes[2];        /* it waits until something can be read */
    atomic_bool begun, spinning;
    atomic_ullong spins;
    size_t told, done, cancelled;
    struct fixture *fixture;
};

struct fixture {
    struct loop_fixture loop;
    struct lane *lane;
    size_t done, busy, idle;
    struct probe probes[3 * LANE_THREADS];
};

static void run_at_once(struct lane_job *job)
{
    struct probe *probe = (struct probe *)job;
    lane_tell(probe->fixture->lane, job);
    atomic_store(&probe->begun, true);
}

static void run_hanging(struct lane_job *job)
{
    struct probe *probe = (struct probe *)job;
    char byte;
    atomic_store(&probe->begun, true);
    ssize_t got = read(probe->pipes[0], &byte, 1);
    (void)got;
}

static void run_spinning(struct lane_job *job)
{
    struct probe *probe = (struct probe *)job;
    while (atomic_load(&probe->spinning))
        atomic_fetch_add(&probe->spins, 1);
}

static void on_told(struct lane_job *job)
{
    struct probe *probe = (struct probe *)job;
    assert_int_equal(probe->done, 0);
    probe->told++;
}

static void on_done(struct lane_job *job, bool cancelled)
{
    struct probe *probe = (struct probe *)job;
    probe->done++;
    probe->cancelled += cancelled;
    probe->fixture->done++;
}

static void on_turn(void *arg, bool busy)
{
    struct fixture *fixture = arg;
    fixture->busy += busy;
    fixture->idle += !busy;
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zalloc(sizeof *fixture);
    loop_open(&fixture->loop, 20000);
    fixture->lane = lane_new(&fixture->loop.loop, on_turn, fixture);
    for (size_t i = 0; i < 3 * LANE_THREADS; i++) {
        fixture->probes[i].fixture = fixture;
        assert_int_equal(0, pipe(fixture->probes[i].pipes));
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->lane != NULL)
        lane_close(fixture->lane);
    loop_finish(&fixture->loop);
    for (size_t i = 0; i < 3 * LANE_THREADS; i++) {
        close(fixture->probes[i].pipes[0]);
        close(fixture->probes[i].pipes[1]);
    }
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, size_t index, void (*run)(struct lane_job *))
{
    struct probe *probe = &fixture->probes[index];
    probe->job.run = run;
    probe->job.told = on_told;
    probe->job.done = on_done;
    atomic_store(&probe->spinning, true);
    lane_add(fixture->lane, &probe->job);
}

static void let_go(struct probe *probe)
{
    assert_int_equal(1, write(probe->pipes[1], "x", 1));
}

static void until_done(struct fixture *fixture, size_t count)
{
    while (fixture->done < count)
        uv_run(&fixture->loop.loop, UV_RUN_ONCE);
}

/* One pass after the other: what was begun may also be about to begin. */
static void until_begun(struct fixture *fixture, size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (!atomic_load(&fixture->probes[i].begun))
            uv_run(&fixture->loop.loop, UV_RUN_NOWAIT);
}

static void test_each_job_is_told_of_and_done_on_the_loop(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 3 * LANE_THREADS; i++)
        start(fixture, i, run_at_once);
    assert_int_equal(fixture->done, 0); /* not before lane_add() returns */
    assert_int_equal(fixture->busy, 1);
    until_done(fixture, 3 * LANE_THREADS);
    for (size_t i = 0; i < 3 * LANE_THREADS; i++) {
        assert_int_equal(fixture->probes[i].told, 1);
        assert_int_equal(fixture->probes[i].done, 1);
        assert_int_equal(fixture->probes[i].cancelled, 0);
    }
    assert_true(lane_is_idle(fixture->lane));
    assert_int_equal(fixture->idle, 1);
}

static void test_what_hangs_leaves_threads_to_others(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < LANE_THREADS - 1; i++)
        start(fixture, i, run_hanging);
    for (size_t i = LANE_THREADS; i < 2 * LANE_THREADS; i++)
        start(fixture, i, run_at_once);
    until_done(fixture, LANE_THREADS);
    for (size_t i = 0; i < LANE_THREADS - 1; i++)
        let_go(&fixture->probes[i]);
    until_done(fixture, 2 * LANE_THREADS - 1);
}

static void test_what_has_not_begun_can_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < LANE_THREADS; i++)
        start(fixture, i, run_hanging);
    until_begun(fixture, LANE_THREADS);
    for (size_t i = LANE_THREADS; i < LANE_THREADS + 3; i++)
        start(fixture, i, run_at_once);
    lane_cancel(fixture->lane, &fixture->probes[LANE_THREADS + 1].job);
    until_done(fixture, 1);
    assert_int_equal(fixture->probes[LANE_THREADS + 1].cancelled, 1);
    lane_cancel(fixture->lane, NULL);
    until_done(fixture, 3);
    for (size_t i = LANE_THREADS; i < LANE_THREADS + 3; i++)
        assert_false(atomic_load(&fixture->probes[i].begun));
    for (size_t i = 0; i < LANE_THREADS; i++)
        let_go(&fixture->probes[i]);
    until_done(fixture, LANE_THREADS + 3);
    assert_int_equal(fixture->probes[0].cancelled, 0);
}

static void test_a_call_that_does_not_come_back_is_silence(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(lane_silent_ms(fixture->lane), 0);
    start(fixture, 0, run_hanging);
    while (lane_silent_ms(fixture->lane) < 50) /* or this never ends */
        uv_run(&fixture->loop.loop, UV_RUN_NOWAIT);
    let_go(&fixture->probes[0]);
    until_done(fixture, 1);
    assert_int_equal(lane_silent_ms(fixture->lane), 0);
}

/* However long it takes: one that works is not silent, nor is a lane in which one
 * works and another hangs. */
static void test_work_is_no_silence(void **state)
{
    struct fixture *fixture = *state;
    struct probe *spinning = &fixture->probes[1];
    start(fixture, 0, run_hanging);
    start(fixture, 1, run_spinning);
    for (int i = 0; i < 100; i++) {
        lane_silent_ms(fixture->lane);
        unsigned long long seen = atomic_load(&spinning->spins);
        while (atomic_load(&spinning->spins) < seen + 10000)
            uv_run(&fixture->loop.loop, UV_RUN_NOWAIT);
        assert_int_equal(lane_silent_ms(fixture->lane), 0);
    }
    atomic_store(&spinning->spinning, false);
    let_go(&fixture->probes[0]);
    until_done(fixture, 2);
}

static void test_a_closed_lane_leaves_behind_what_hangs(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 0, run_hanging);
    until_begun(fixture, 1);
    start(fixture, 1, run_hanging);
    lane_close(fixture->lane);
    fixture->lane = NULL;
    uv_run(&fixture->loop.loop, UV_RUN_DEFAULT); /* nothing is left in the loop */
    let_go(&fixture->probes[0]);
    let_go(&fixture->probes[1]);
    uv_run(&fixture->loop.loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture->done, 0);
}

/* A callback may close the lane that it comes from. */
static void close_it(struct lane_job *job, bool cancelled)
{
    struct probe *probe = (struct probe *)job;
    (void)cancelled;
    lane_close(probe->fixture->lane);
    probe->fixture->lane = NULL;
    probe->fixture->done++;
}

static void test_it_may_be_closed_by_its_callback(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = &fixture->probes[0];
    probe->job.run = run_hanging;
    probe->job.done = close_it;
    lane_add(fixture->lane, &probe->job);
    start(fixture, 1, run_hanging);
    let_go(probe);
    until_done(fixture, 1);
    uv_run(&fixture->loop.loop, UV_RUN_DEFAULT);
    let_go(&fixture->probes[1]);
    assert_int_equal(fixture->idle, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_job_is_told_of_and_done_on_the_loop),
        CASE(test_what_hangs_leaves_threads_to_others),
        CASE(test_what_has_not_begun_can_be_cancelled),
        CASE(test_a_call_that_does_not_come_back_is_silence),
        CASE(test_work_is_no_silence),
        CASE(test_a_closed_lane_leaves_behind_what_hangs),
        CASE(test_it_may_be_closed_by_its_callback),
    };
    limit_program(120);
    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
