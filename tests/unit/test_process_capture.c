#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/process.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"

struct outcome {
    const char *out, *err; /* wanted; NULL: not looked at */
    int status, code;
    int calls;
    bool over;
};

static void on_done(void *arg, const struct process_result *result, const struct err *err)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->over = true;
    assert_int_equal(outcome->code, err != NULL ? err->code : 0);
    if (outcome->code == 0)
        assert_int_equal(outcome->status, result->status);
    if (outcome->out != NULL)
        assert_string_equal(outcome->out, result->out.data);
    if (outcome->err != NULL)
        assert_string_equal(outcome->err, result->err.data);
}

static void run(const char *script, size_t max_bytes, uint64_t deadline_ms, struct outcome outcome)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct process_spec spec = {.argv = argv, .deadline_ms = deadline_ms};
    struct loop_fixture fixture;
    struct process_capture *capture;
    loop_open(&fixture, 20000);
    assert_int_equal(
        0, process_capture(&fixture.loop, &spec, max_bytes, on_done, &outcome, &capture, NULL));
    assert_int_equal(0, outcome.calls);
    loop_wait(&fixture, &outcome.over);
    loop_finish(&fixture);
    assert_int_equal(1, outcome.calls);
}

static void test_result(void **state)
{
    (void)state;
    run("true", 100, 0, (struct outcome){.out = "", .err = ""});
    run("echo one; echo two >&2; exit 9", 100, 0,
        (struct outcome){.out = "one\n", .err = "two\n", .status = 9});
    run("kill -9 $$", 100, 0, (struct outcome){.status = 137});
}

static void test_limit(void **state)
{
    (void)state;
    run("printf 12345; printf 12345 >&2", 5, 0, (struct outcome){.out = "12345", .err = "12345"});
    run("printf 123456", 5, 0, (struct outcome){.code = ERR_LIMIT});
    run("printf 123456 >&2", 5, 0, (struct outcome){.code = ERR_LIMIT});
    run("yes", 100000, 0, (struct outcome){.code = ERR_LIMIT});
    run("yes >&2 & wait", 100000, 0, (struct outcome){.code = ERR_LIMIT});
}

static void test_deadline(void **state)
{
    (void)state;
    run("echo one; exec sleep 100", 100, 100, (struct outcome){.code = ERR_TIMEOUT});
}

static void test_cancel(void **state)
{
    static const char *const argv[] = {"sleep", "100", NULL};
    const struct process_spec spec = {.argv = argv};
    (void)state;
    for (unsigned after_ms = 0; after_ms < 60; after_ms += 30) {
        struct outcome outcome = {0};
        struct loop_fixture fixture;
        struct process_capture *capture;
        loop_open(&fixture, 20000);
        assert_int_equal(
            0, process_capture(&fixture.loop, &spec, 100, on_done, &outcome, &capture, NULL));
        loop_linger(&fixture, after_ms);
        process_capture_cancel(capture);
        loop_finish(&fixture);
        assert_int_equal(0, outcome.calls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_cancel),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
