#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/build.h"
#include "tests/support/limit.h"

static const char *const one[] = {"api"};
static const char *const two[] = {"api", "web"};

/* `names`: has "[x internal]" been seen, so that names tell the service? */
static const struct {
    bool names;
    const char *name, *service, *platform, *stage, *instruction;
    int index, total;
} name_cases[] = {
    {true, "[api builder 4/6] RUN make", "api", NULL, "builder", "RUN make", 4, 6},
    {true, "[api 2/2] RUN make", "api", NULL, NULL, "RUN make", 2, 2},
    {true, "[api internal] load .dockerignore", "api", NULL, NULL, "load .dockerignore", 0, 0},
    {true, "[api] exporting to image", "api", NULL, NULL, "exporting to image", 0, 0},
    {true, "[internal] load local bake definitions", NULL, NULL, NULL,
     "load local bake definitions", 0, 0},
    {true, "[api linux/amd64 builder 2/6] RUN x", "api", "linux/amd64", "builder", "RUN x", 2, 6},
    {true, "[api linux/arm/v7 2/6] RUN x", "api", "linux/arm/v7", NULL, "RUN x", 2, 6},
    {true, "[auth] library/debian:pull token", NULL, NULL, NULL, "library/debian:pull token", 0, 0},
    {true, "[api auth] library/x:pull", "api", NULL, NULL, "library/x:pull", 0, 0},
    {true, "[api context base] load metadata for x", "api", NULL, NULL, "load metadata for x", 0,
     0},
    {false, "[builder 4/6] RUN make", NULL, NULL, "builder", "RUN make", 4, 6},
    {false, "[2/2] RUN make", NULL, NULL, NULL, "RUN make", 2, 2},
    {false, "[internal] load .dockerignore", NULL, NULL, NULL, "load .dockerignore", 0, 0},
    {false, "[linux/amd64 builder 2/6] RUN x", NULL, "linux/amd64", "builder", "RUN x", 2, 6},
    {false, "[linux/amd64->arm64 2/6] RUN x", NULL, "linux/amd64->arm64", NULL, "RUN x", 2, 6},
    {false, "[context base] load from client", NULL, NULL, NULL, "load from client", 0, 0},
    {false, "exporting to image", NULL, NULL, NULL, "exporting to image", 0, 0},
    {false, "[", NULL, NULL, NULL, "[", 0, 0},
    {false, "[]", NULL, NULL, NULL, "", 0, 0},
    {false, "[] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "[a b c d e f g 1/2] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "[b 1/] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "[b /1] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "[b 1/2/3] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "[b 999999999999/2] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "[b 1/20000] x", NULL, NULL, NULL, "x", 0, 0},
    {false, "", NULL, NULL, NULL, "", 0, 0},
};

static void assert_text(const char *got, const char *expected)
{
    if (expected == NULL)
        assert_null(got);
    else
        assert_string_equal(got, expected);
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_cases / sizeof name_cases[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 0);
        build->names_services = name_cases[i].names;
        struct step *step = build_step(build, 1);
        build_name_step(build, step, name_cases[i].name, strlen(name_cases[i].name));
        assert_text(step->name, name_cases[i].name);
        assert_text(step->service, name_cases[i].service);
        assert_text(step->platform, name_cases[i].platform);
        assert_text(step->stage, name_cases[i].stage);
        assert_text(step->instruction, name_cases[i].instruction);
        assert_int_equal(step->index, name_cases[i].index);
        assert_int_equal(step->total, name_cases[i].total);
        assert_int_equal(step->internal, name_cases[i].total == 0);
        build_free(build);
    }
}

static struct step *named(struct build *build, int number, const char *name)
{
    struct step *step = build_step(build, number);
    build_name_step(build, step, name, strlen(name));
    return step;
}

/* "[x 1/2]": a stage, until "[x internal]" was seen; then a service. */
static void test_service_or_stage(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 0);
    assert_text(named(build, 1, "[api 1/2] FROM x")->stage, "api");
    named(build, 2, "[api internal] load build definition from Dockerfile");
    assert_text(named(build, 3, "[api 2/2] RUN x")->service, "api");
    build_free(build);
}

/* Names without services: the steps belong to the one that was asked for. */
static void test_asked_service(void **state)
{
    (void)state;
    struct build *build = build_new(1, one, 1, "x", 0);
    assert_text(named(build, 1, "[internal] load .dockerignore")->service, "api");
    assert_text(named(build, 2, "[builder 1/2] FROM x")->service, "api");
    build_free(build);
    build = build_new(1, two, 2, "x", 0);
    assert_null(named(build, 1, "[builder 1/2] FROM x")->service);
    assert_true(build_has_service(build, "web"));
    assert_false(build_has_service(build, "other"));
    build_free(build);
    build = build_new(1, NULL, 0, "x", 0);
    assert_true(build_has_service(build, "other"));
    build_free(build);
}

static void test_steps_by_number(void **state)
{
    (void)state;
    static const int order[] = {3, 1, 10000, 2, 3, 7};
    struct build *build = build_new(1, NULL, 0, "x", 0);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        assert_int_equal(build_step(build, order[i])->number, order[i]);
    assert_int_equal(build->steps_len, 5);
    for (size_t i = 1; i < build->steps_len; i++)
        assert_true(build->steps[i - 1].number < build->steps[i].number);
    assert_null(build_step(build, 0));
    assert_null(build_step(build, -1));
    assert_null(build_step(build, BUILD_STEPS_MAX + 1));
    assert_int_equal(build_find_step(build, 7)->number, 7);
    assert_null(build_find_step(build, 8));
    assert_null(build_find_step(build, -8));
    build_free(build);
}

static void test_counts(void **state)
{
    (void)state;
    struct build *build = build_new(1, one, 1, "x", 0);
    step_end(named(build, 1, "[internal] load"), STEP_DONE, 0, 1);
    step_end(named(build, 2, "[builder 1/4] FROM x"), STEP_CACHED, 0, 1);
    step_end(named(build, 3, "[builder 2/4] RUN a"), STEP_CACHED, 0, 1);
    step_end(named(build, 4, "[builder 3/4] RUN b"), STEP_DONE, 10, 1);
    step_start(named(build, 5, "[stage-1 2/3] RUN c"), 1);
    struct build_counts counts = build_count(build);
    assert_int_equal(counts.total, 7); /* 4 of builder, 3 of stage-1 */
    assert_int_equal(counts.over, 3);
    assert_int_equal(counts.running, 1);
    assert_int_equal(counts.cached, 1); /* a FROM is no work */
    assert_int_equal(counts.uncached, 1);
    build_end(build, BUILD_DONE, 0, 2);
    counts = build_count(build);
    assert_int_equal(counts.total, 4);
    assert_int_equal(counts.over, 4);
    build_free(build);
}

/* Over: nothing runs any more, and only a failure has a reason. */
static void test_end(void **state)
{
    (void)state;
    static const struct {
        enum build_state state;
        enum step_state step;
        const char *error;
    } cases[] = {
        {BUILD_DONE, STEP_DONE, NULL},
        {BUILD_FAILED, STEP_CANCELLED, "why?"},
        {BUILD_CANCELLED, STEP_CANCELLED, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 0);
        step_start(named(build, 1, "[b 1/2] RUN x"), build->started_mono_ms + 10);
        named(build, 2, "[b 2/2] RUN y");
        build_set_error(build, "why?", 4);
        build_end(build, cases[i].state, 3, build->started_mono_ms + 50);
        assert_int_equal(build->state, cases[i].state);
        assert_int_equal(build->exit_status, 3);
        assert_int_equal(build->duration_ms, 50);
        assert_int_equal(build->steps[0].state, cases[i].step);
        assert_int_equal(build->steps[0].duration_ms, 40);
        assert_int_equal(build->steps[1].state, STEP_WAITING);
        assert_text(build->error, cases[i].error);
        build_free(build);
    }
}

static void test_error_is_clean(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 0);
    build_set_error(build, "a\x1b[31mb\n", 8);
    assert_string_equal(build->error, "a\\x1b[31mb\\x0a");
    char *huge = mem_alloc(100000);
    memset(huge, 'x', 100000);
    build_set_error(build, huge, 100000);
    assert_int_equal(strlen(build->error), STEP_TEXT_MAX);
    free(huge);
    build_free(build);
}

static void test_last_line(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 0);
    struct step *step = named(build, 1, "[b 1/2] RUN x");
    struct buildlog_line line;
    assert_false(step_last_line(build, step, &line));
    const struct buildlog_line hello = {.text = "hello",
                                        .len = 5,
                                        .step = 1,
                                        .number = 1,
                                        .kind = LOG_OUTPUT,
                                        .time = 3,
                                        .decimals = 1};
    buildlog_add(build->log, &hello);
    step->last_line = buildlog_end(build->log);
    assert_true(step_last_line(build, step, &line));
    assert_int_equal(line.len, 5);
    assert_memory_equal(line.text, "hello", 5);
    for (int i = 0; i < 100000; i++) /* the log lets it go */
        buildlog_add(build->log, &(struct buildlog_line){.text = "flood", .len = 5, .step = 2});
    assert_false(step_last_line(build, step, &line));
    build_free(build);
}

/* Layers come and go side by side; together they only grow. */
static void test_transfers(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 0);
    struct step *step = build_step(build, 1);
    step_transfer(step, "sha256:a", 8, 10, 100);
    step_transfer(step, "sha256:b", 8, 5, 50);
    assert_string_equal(step->transfer, "sha256:b");
    struct step_transfer_sum sum = step_transfer_sum(step);
    assert_int_equal(sum.len, 2);
    assert_int_equal(sum.current, 15);
    assert_int_equal(sum.goal, 150);
    step_transfer_over(step, "sha256:b", 8, 0);
    assert_string_equal(step->transfer, "sha256:a"); /* which still runs */
    assert_int_equal(step->goal, 100);
    sum = step_transfer_sum(step);
    assert_int_equal(sum.over, 1);
    assert_int_equal(sum.current, 60);
    step_transfer_over(step, "sha256:a", 8, 100);
    assert_null(step->transfer);
    step_transfer_over(step, "manifest\0x", 10, 7); /* never begun; told whole */
    assert_int_equal(step->transfers_len, 3);
    assert_string_equal(step->transfers[2].name, "manifest");
    step_transfer(step, "extracting", 10, 0, 0);
    step_end(step, STEP_DONE, 5, 10);
    assert_null(step->transfer);
    sum = step_transfer_sum(step);
    assert_int_equal(sum.over, 4);
    assert_int_equal(sum.current, sum.goal);
    build_free(build);
}

static void test_transfers_are_capped(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 0);
    struct step *step = build_step(build, 1);
    for (int i = 0; i < 3 * STEP_TRANSFERS_MAX; i++) {
        char *name = mem_printf("sha256:%d", i);
        step_transfer(step, name, strlen(name), 1, 2);
        free(name);
    }
    assert_int_equal(step->transfers_len, STEP_TRANSFERS_MAX);
    build_free(build);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_transfers_are_capped),
        cmocka_unit_test(test_service_or_stage),
        cmocka_unit_test(test_asked_service),
        cmocka_unit_test(test_steps_by_number),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_error_is_clean),
        cmocka_unit_test(test_last_line),
    };
    return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
