/* Test bodies inside a real libuv loop. */
#ifndef BILGE_TESTS_SUPPORT_LOOP_H
#define BILGE_TESTS_SUPPORT_LOOP_H

#include <stdbool.h>

#include <uv.h>

/* Runs body in the first pass of a fresh loop, then the loop until nothing is
 * left in it. Fails the test when that takes longer than limit_ms (then it
 * lists what is still open), or when uv_loop_close() does not return 0. */
void loop_test(void (*body)(uv_loop_t *loop, void *arg), void *arg, unsigned limit_ms);

/* For a body that reads better from top to bottom: open, wait for things that
 * callbacks set, close. */
struct loop_fixture {
    uv_loop_t loop;
    uv_timer_t limit;
};
void loop_open(struct loop_fixture *fixture, unsigned limit_ms);
/* Runs the loop until *flag is true. Fails when the time is up, or when
 * nothing is left that could set it. */
void loop_wait(struct loop_fixture *fixture, const bool *flag);
/* Runs the loop for so long, whatever happens: only to show that something
 * does *not* happen. */
void loop_linger(struct loop_fixture *fixture, unsigned milliseconds);
/* Runs until nothing is left; uv_loop_close() must return 0. */
void loop_finish(struct loop_fixture *fixture);

#endif
