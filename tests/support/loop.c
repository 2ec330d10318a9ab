#include "tests/support/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/limit.h"

static void on_limit(uv_timer_t *timer)
{
    fprintf(stderr, "# still open when the time was up:\n");
    uv_print_all_handles(timer->loop, stderr);
    fail_msg("the loop ran into the time limit of the test");
}

void loop_open(struct loop_fixture *fixture, unsigned milliseconds)
{
    assert_int_equal(0, uv_loop_init(&fixture->loop));
    uv_timer_init(&fixture->loop, &fixture->limit);
    uv_timer_start(&fixture->limit, on_limit, limit_ms(milliseconds), 0);
    uv_unref((uv_handle_t *)&fixture->limit); /* it must not keep the loop alive */
}

void loop_wait(struct loop_fixture *fixture, const bool *flag)
{
    while (!*flag) {
        int more = uv_run(&fixture->loop, UV_RUN_ONCE);
        if (!*flag && more == 0)
            fail_msg("the loop is empty, and what was waited for did not come");
    }
}

static void on_linger_closed(uv_handle_t *timer)
{
    *(bool *)timer->data = true;
}

static void on_lingered(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, on_linger_closed);
}

void loop_linger(struct loop_fixture *fixture, unsigned milliseconds)
{
    bool over = false;
    uv_timer_t timer;
    uv_timer_init(&fixture->loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_lingered, milliseconds, 0);
    while (!over) /* set in the close callback: the timer lies on this stack */
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

void loop_finish(struct loop_fixture *fixture)
{
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&fixture->limit, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(0, uv_loop_close(&fixture->loop));
}

struct body {
    void (*run)(uv_loop_t *loop, void *arg);
    void *arg;
};

static void on_first_pass(uv_timer_t *timer)
{
    struct body *body = timer->data;
    uv_loop_t *loop = timer->loop;
    uv_close((uv_handle_t *)timer, NULL);
    body->run(loop, body->arg);
}

void loop_test(void (*run)(uv_loop_t *loop, void *arg), void *arg, unsigned milliseconds)
{
    struct loop_fixture fixture;
    struct body body = {run, arg};
    uv_timer_t start;
    loop_open(&fixture, milliseconds);
    uv_timer_init(&fixture.loop, &start);
    start.data = &body;
    uv_timer_start(&start, on_first_pass, 0, 0);
    loop_finish(&fixture);
}
