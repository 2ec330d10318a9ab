#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/progress/reason.h"
#include "tests/support/limit.h"

/* Lines begin with their stream, 1 or 2. */
static const struct {
    const char *lines[8];
    const char *reason;
} cases[] = {
    {{"2failed to solve: no"}, "no"},
    {{"2ERROR: failed to solve: no"}, "no"},
    {{"2ERROR: failed to build: failed to solve: no"}, "no"},
    {{"1ERROR: no builder \"x\" found"}, "no builder \"x\" found"},
    {{"2target api: failed to solve: no"}, "no"},
    {{"2[target api: ]failed to solve: no"}, "no"},
    {{"2[target api: failed to solve: no"}, "no"},
    {{"2failed to solve: first", "2failed to solve: last"}, "last"},
    {{"2failed to solve: no", "2something else"}, "no"},
    {{"2failed to solve: no", "2ERROR: less"}, "no"},
    {{"2failed to solve: no\r"}, "no"},
    {{"1hello"}, NULL}, /* only stderr is about errors */
    {{"2hello"}, "hello"},
    {{"2time=\"x\" level=warning msg=\"y\""}, NULL},
    {{"2canceled"}, NULL},
    {{"2 exp1-orch:test  Built"}, NULL},
    {{"2Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"},
     "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"},
    {{"2time=\"x\" level=warning", "2Cache export is not supported for the docker driver.",
      "2Switch to a different driver", "2Learn more at x", "2"},
     "Cache export is not supported for the docker driver."},
    {{"2one", "2two", "2time=\"x\"", "2three", "2four"}, "three"},
    {{"2\x1b[33m7 warnings found", "2\x1b[0m - FromAsCasing: x"}, "7 warnings found"},
    {{"2\x1b[31mERROR: red"}, "red"},
    {{"2Service 'api' failed to build : The command 'x' returned a non-zero code: 4"},
     "The command 'x' returned a non-zero code: 4"},
    {{"2Service 'api' is odd"}, "Service 'api' is odd"},
    {{"2failed to solve: "}, NULL},
    {{"2"}, NULL},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 0);
        struct reason reason = {0};
        for (size_t j = 0; j < 8 && cases[i].lines[j] != NULL; j++)
            reason_look(&reason, cases[i].lines[j][0] - '0', cases[i].lines[j] + 1,
                        strlen(cases[i].lines[j] + 1));
        reason_settle(&reason, build);
        if (cases[i].reason == NULL)
            assert_null(build->error);
        else
            assert_string_equal(build->error, cases[i].reason);
        reason_done(&reason);
        build_free(build);
    }
}

/* What a step says of its failure is better than a stray line of stderr. */
static void test_step_error(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason;
    } step_cases[] = {
        {"stray", "the step's"},
        {"failed to solve: the end", "the end"},
        {NULL, "the step's"},
    };
    for (size_t i = 0; i < sizeof step_cases / sizeof step_cases[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 0);
        struct reason reason = {0};
        step_end(build_step(build, 1), STEP_DONE, 0, 1);
        struct step *step = build_step(build, 2);
        step_end(step, STEP_FAILED, 0, 1);
        step->error = mem_strdup("the step's");
        if (step_cases[i].line != NULL)
            reason_look(&reason, 2, step_cases[i].line, strlen(step_cases[i].line));
        reason_settle(&reason, build);
        assert_string_equal(build->error, step_cases[i].reason);
        reason_done(&reason);
        build_free(build);
    }
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_step_error),
    };
    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
