#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/process.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"

/* A child under test, and what it has said so far. */
struct child {
    struct loop_fixture fixture;
    struct process *process;
    struct buf out, err;
    bool said_something;
    bool over;
    int exits, status, code;
    bool free_on_output, free_on_exit;
};

static void on_output(void *arg, enum process_stream stream, const char *data, size_t len)
{
    struct child *child = arg;
    assert_true(len > 0 && !child->over);
    buf_append(stream == PROCESS_STDOUT ? &child->out : &child->err, data, len);
    child->said_something = true;
    if (child->free_on_output) {
        process_free(child->process);
        child->process = NULL;
    }
}

static void on_exit_of(void *arg, int status, const struct err *err)
{
    struct child *child = arg;
    child->exits++;
    child->over = true;
    child->status = status;
    child->code = err != NULL ? err->code : 0;
    if (child->free_on_exit) {
        process_free(child->process);
        child->process = NULL;
    }
}

static const struct process_ops ops = {.on_output = on_output, .on_exit = on_exit_of};

static void start(struct child *child, const struct process_spec *spec)
{
    *child = (struct child){0};
    buf_append_str(&child->out, "");
    buf_append_str(&child->err, "");
    loop_open(&child->fixture, 20000);
    assert_int_equal(0,
                     process_spawn(&child->fixture.loop, spec, &ops, child, &child->process, NULL));
    assert_false(child->over);
}

static void start_sh(struct child *child, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    start(child, &(struct process_spec){.argv = argv});
}

static void finish(struct child *child)
{
    process_free(child->process);
    loop_finish(&child->fixture);
    buf_done(&child->out);
    buf_done(&child->err);
    assert_true(child->exits <= 1);
    assert_int_equal(-1, waitpid(-1, NULL, WNOHANG)); /* no zombie */
}

static void test_ends(void **state)
{
    static const struct {
        const char *script;
        int status;
        const char *out, *err;
    } cases[] = {
        {"true", 0, "", ""},
        {"exit 3", 3, "", ""},
        {"exit 255", 255, "", ""},
        {"kill -9 $$", 128 + 9, "", ""},
        {"kill -15 $$", 128 + 15, "", ""},
        {"printf out; printf err >&2; exit 1", 1, "out", "err"},
        {"cat", 0, "", ""}, /* standard input is empty */
        {"exec 1>&- 2>&-; exit 4", 4, "", ""},
        {"(sleep 0.1; printf late) & exit 5", 5, "late", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct child child;
        start_sh(&child, cases[i].script);
        loop_wait(&child.fixture, &child.over);
        assert_int_equal(child.status, cases[i].status);
        assert_int_equal(child.code, 0);
        assert_string_equal(child.out.data, cases[i].out);
        assert_string_equal(child.err.data, cases[i].err);
        finish(&child);
        assert_int_equal(child.exits, 1);
    }
}

static void test_flood(void **state)
{
    struct child child;
    (void)state;
    start_sh(&child, "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2");
    loop_wait(&child.fixture, &child.over);
    assert_int_equal(child.out.len, 20000000);
    assert_int_equal(child.err.len, 3000000);
    finish(&child);
}

static void test_no_such_program(void **state)
{
    struct loop_fixture fixture;
    struct process *process = (void *)&fixture;
    struct err err;
    const char *const argv[] = {"bilge-no-such-program", NULL};
    const struct process_spec spec = {.argv = argv};
    (void)state;
    loop_open(&fixture, 20000);
    assert_int_equal(-ENOENT, process_spawn(&fixture.loop, &spec, &ops, NULL, &process, &err));
    assert_ptr_equal(process, &fixture);
    assert_non_null(strstr(err.text, "bilge-no-such-program"));
    loop_finish(&fixture);
}

static void test_no_such_directory(void **state)
{
    struct loop_fixture fixture;
    struct process *process;
    const char *const argv[] = {"true", NULL};
    const struct process_spec spec = {.argv = argv, .directory = "/bilge/none"};
    (void)state;
    loop_open(&fixture, 20000);
    assert_int_equal(-ENOENT, process_spawn(&fixture.loop, &spec, &ops, NULL, &process, NULL));
    loop_finish(&fixture);
}

static void test_environment_and_directory(void **state)
{
    struct child child;
    char *dir = tempdir_new();
    const char *const argv[] = {"sh", "-c", "pwd; echo $KEPT $CHANGED $ADDED $EMPTY.", NULL};
    const char *const added[] = {"CHANGED=new", "ADDED=a=b", "EMPTY=", NULL};
    (void)state;
    setenv("KEPT", "kept", 1);
    setenv("CHANGED", "old", 1);
    setenv("CHANGED_TOO", "not a match for its prefix", 1);
    start(&child, &(struct process_spec){.argv = argv, .environment = added, .directory = dir});
    loop_wait(&child.fixture, &child.over);
    char *wanted = mem_printf("%s\nkept new a=b .\n", dir);
    assert_string_equal(child.out.data, wanted);
    finish(&child);
    free(wanted);
    tempdir_free(dir);
}

/* A pipe whose reading end tells when the last process that inherited the
 * other end has gone. */
struct lifeline {
    int ends[2];
};

static void lifeline_open(struct lifeline *line)
{
    assert_int_equal(0, pipe2(line->ends, O_CLOEXEC));
    assert_int_equal(0, fcntl(line->ends[1], F_SETFD, 0));
}

static void lifeline_let_go(struct lifeline *line)
{
    close(line->ends[1]);
}

/* Blocks until all of them have gone; the program's time limit watches. */
static void lifeline_wait(struct lifeline *line)
{
    char byte;
    assert_int_equal(0, read(line->ends[0], &byte, 1));
    close(line->ends[0]);
}

static void test_free_kills_the_family(void **state)
{
    static const char *const scripts[] = {
        "echo up; exec sleep 100",
        "sleep 100 & echo up; wait",
        "sleep 100 & echo up; exit 0", /* the child is gone, what it started is not */
        "trap '' TERM INT HUP; echo up; while :; do sleep 100; done",
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct child child;
        struct lifeline line;
        lifeline_open(&line);
        start_sh(&child, scripts[i]);
        lifeline_let_go(&line);
        loop_wait(&child.fixture, &child.said_something);
        if (i == 2)
            loop_linger(&child.fixture, 50); /* so that it is reaped already */
        finish(&child);
        assert_int_equal(child.exits, 0);
        lifeline_wait(&line);
    }
}

static void test_free_from_callbacks(void **state)
{
    struct child child;
    (void)state;
    start_sh(&child, "yes");
    child.free_on_output = true;
    loop_finish(&child.fixture);
    assert_int_equal(child.exits, 0);
    assert_null(child.process);
    buf_done(&child.out);
    buf_done(&child.err);

    start_sh(&child, "echo a; echo b >&2");
    child.free_on_exit = true;
    loop_finish(&child.fixture);
    assert_int_equal(child.exits, 1);
    buf_done(&child.out);
    buf_done(&child.err);
    process_free(NULL);
}

static void test_signal_reaches_the_group(void **state)
{
    struct child child;
    struct lifeline line;
    (void)state;
    lifeline_open(&line);
    start_sh(&child, "sleep 100 & echo up; wait");
    lifeline_let_go(&line);
    loop_wait(&child.fixture, &child.said_something);
    assert_int_equal(getsid(process_pid(child.process)), process_pid(child.process));
    process_signal(child.process, SIGTERM);
    loop_wait(&child.fixture, &child.over);
    assert_int_equal(child.status, 128 + SIGTERM);
    process_signal(child.process, SIGTERM); /* nobody is there: no effect */
    lifeline_wait(&line);
    finish(&child);
}

static void test_a_trapped_signal(void **state)
{
    struct child child;
    (void)state;
    start_sh(&child, "trap 'echo bye; exit 7' INT; echo up; while :; do sleep 0.01; done");
    loop_wait(&child.fixture, &child.said_something);
    process_signal(child.process, SIGINT);
    loop_wait(&child.fixture, &child.over);
    assert_int_equal(child.status, 7);
    assert_string_equal(child.out.data, "up\nbye\n");
    finish(&child);
}

static void test_deadline(void **state)
{
    static const char *const scripts[] = {
        "exec sleep 100",
        "sleep 100 & exit 0",
        "setsid sleep 3 & exit 0", /* out of reach, and holding the pipes */
        "yes",
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        const char *const argv[] = {"sh", "-c", scripts[i], NULL};
        struct child child;
        start(&child, &(struct process_spec){.argv = argv, .deadline_ms = 100});
        loop_wait(&child.fixture, &child.over);
        assert_int_equal(child.code, ERR_TIMEOUT);
        finish(&child);
        assert_int_equal(child.exits, 1);
    }
}

static void test_deadline_is_not_reached(void **state)
{
    const char *const argv[] = {"true", NULL};
    struct child child;
    (void)state;
    start(&child, &(struct process_spec){.argv = argv, .deadline_ms = 10000});
    loop_wait(&child.fixture, &child.over);
    assert_int_equal(child.code, 0);
    uv_run(&child.fixture.loop, UV_RUN_DEFAULT); /* its timer does not keep the loop alive */
    finish(&child);
}

static void test_pause(void **state)
{
    struct child child;
    (void)state;
    start_sh(&child, "echo up; head -c 5000000 /dev/zero; echo down >&2");
    loop_wait(&child.fixture, &child.said_something);
    process_pause(child.process);
    size_t before = child.out.len;
    loop_linger(&child.fixture, 100);
    assert_int_equal(child.out.len, before);
    assert_int_equal(child.exits, 0);
    process_resume(child.process);
    loop_wait(&child.fixture, &child.over);
    assert_int_equal(child.out.len, 5000003);
    assert_string_equal(child.err.data, "down\n");
    finish(&child);
}

/* Pausing when one stream has already ended must not end it a second time. */
static void test_pause_after_one_stream_ended(void **state)
{
    struct child child;
    (void)state;
    start_sh(&child, "exec 1>&-; echo up >&2; sleep 0.3; echo late >&2; exit 6");
    loop_wait(&child.fixture, &child.said_something);
    loop_linger(&child.fixture, 50);
    process_pause(child.process);
    process_resume(child.process);
    process_resume(child.process);
    loop_wait(&child.fixture, &child.over);
    assert_string_equal(child.err.data, "up\nlate\n");
    assert_int_equal(child.status, 6);
    finish(&child);
    assert_int_equal(child.exits, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_no_such_program),
        cmocka_unit_test(test_no_such_directory),
        cmocka_unit_test(test_environment_and_directory),
        cmocka_unit_test(test_free_kills_the_family),
        cmocka_unit_test(test_free_from_callbacks),
        cmocka_unit_test(test_signal_reaches_the_group),
        cmocka_unit_test(test_a_trapped_signal),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_deadline_is_not_reached),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_after_one_stream_ended),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
