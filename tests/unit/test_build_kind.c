/* What kind of a build it was, and two of them side by side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/build.h"
#include "core/history/build_kind.h"
#include "core/history/compare.h"

static struct history_step step(const char *instruction, int index, enum step_state state)
{
    return (struct history_step){.instruction = (char *)instruction,
                                 .index = index,
                                 .state = (int)state,
                                 .duration_ms = 1000,
                                 .start_ms = index * 1000};
}

#define C STEP_CACHED
#define D STEP_DONE

static const struct {
    enum step_state states[4]; /* of lock, install, copy, compile */
    const char *kind, *first_miss;
} kinds[] = {
    {{C, C, C, C}, "nothing changed", NULL},
    {{D, D, D, D}, "from scratch", "COPY Cargo.lock ./"},
    {{C, D, D, D}, "dependencies changed", "RUN apt-get install x"},
    {{C, C, D, D}, "code changed", "COPY src src"},
    {{C, C, C, STEP_FAILED}, "code changed", "RUN cargo build"},
    {{STEP_WAITING, STEP_WAITING, STEP_WAITING, STEP_WAITING}, NULL, NULL},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct history_step steps[] = {
            step("load metadata", 0, D),
            step("FROM base", 1, D),
            step("COPY Cargo.lock ./", 2, kinds[i].states[0]),
            step("RUN apt-get install x", 3, kinds[i].states[1]),
            step("COPY src src", 4, kinds[i].states[2]),
            step("RUN cargo build", 5, kinds[i].states[3]),
        };
        struct history_build build = {.steps = steps, .steps_len = 6};
        build_kind_fill(&build, NULL);
        if (kinds[i].kind == NULL)
            assert_null(build.kind);
        else
            assert_string_equal(build.kind, kinds[i].kind);
        if (kinds[i].first_miss == NULL)
            assert_null(build.first_miss);
        else
            assert_string_equal(build.first_miss, kinds[i].first_miss);
        free(build.kind);
        free(build.first_miss);
        free(build.why);
    }
}

static void test_why(void **state)
{
    (void)state;
    struct history_step old[] = {step("FROM base@1", 1, D), step("RUN a", 2, D)};
    struct history_step same[] = {step("FROM base@1", 1, C), step("RUN a", 2, D)};
    struct history_step base[] = {step("FROM base@2", 1, D), step("RUN a", 2, D)};
    struct history_step text[] = {step("FROM base@1", 1, C), step("RUN b", 2, D)};
    const struct history_build before = {.steps = old, .steps_len = 2};
    const struct {
        struct history_step *steps;
        const char *says;
    } cases[] = {{same, "an ARG or a mount"},
                 {base, "base image changed: FROM base@2"},
                 {text, "its text changed"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history_build build = {.steps = cases[i].steps, .steps_len = 2};
        build_kind_fill(&build, &before);
        assert_non_null(strstr(build.why, cases[i].says));
        free(build.kind);
        free(build.first_miss);
        free(build.why);
    }
}

/* An ARG that changed explains a RUN, and a text that changed, but no COPY. */
static void test_args(void **state)
{
    (void)state;
    char old_args[] = "A=1\nB=2\n", new_args[] = "A=1\nB=3\n", many[] = "C=1\nD=1\nE=1\nF=1\n";
    struct history_step run[] = {step("RUN a", 2, D)}, text[] = {step("RUN a 3", 2, D)},
                        copy[] = {step("COPY a a", 2, D)};
    struct history_step old[] = {step("RUN a", 2, C), step("COPY a a", 2, C)};
    const struct {
        struct history_step *steps;
        char *before, *args;
        const char *why;
    } cases[] = {
        {run, old_args, new_args, "ARG B changed"},
        {text, old_args, new_args, "ARG B changed"},
        {copy, old_args, new_args, "what it copies changed: COPY a a"},
        {run, old_args, old_args, "an ARG or a mount that it uses changed"},
        {run, NULL, new_args, "an ARG or a mount that it uses changed"}, /* not known before */
        {run, old_args, many, "ARG C and D and E and 3 more changed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct history_build before = {.steps = old, .steps_len = 2, .args = cases[i].before};
        struct history_build build = {
            .steps = cases[i].steps, .steps_len = 1, .args = cases[i].args};
        build_kind_fill(&build, &before);
        if (strncmp(build.why, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("%zu: %s", i, build.why);
        free(build.kind);
        free(build.first_miss);
        free(build.why);
    }
}

/* What is only an effect is no reason, whatever it copies. */
static void test_independence(void **state)
{
    (void)state;
    static const struct {
        const char *copy;
        int64_t start_ms;
        const char *miss;
    } cases[] = {
        {"COPY src src", 100, "COPY src src"}, /* beside the RUN, which takes a second */
        {"COPY src src", 1100, "RUN a"},       /* waited for it */
        {"COPY src src", -1, "RUN a"},         /* nobody knows */
        {"COPY --from=builder a a", 100, "RUN a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history_step steps[] = {step("RUN a", 2, D), step(cases[i].copy, 2, D)};
        steps[0].start_ms = 0;
        steps[1].start_ms = cases[i].start_ms;
        struct history_build build = {.steps = steps, .steps_len = 2};
        build_kind_fill(&build, NULL);
        assert_string_equal(build.first_miss, cases[i].miss);
        free(build.kind);
        free(build.first_miss);
        free(build.why);
    }
}

static void test_summary(void **state)
{
    (void)state;
    static const struct {
        int64_t took[2], steps[2];
        int states[2];
        const char *says;
    } cases[] = {
        {{1000, 3000},
         {500, 2500},
         {D, D},
         "the second took 2.0 s longer; most of it: RUN x (+2.0 s)"},
        {{1000, 3000},
         {0, 2500},
         {C, D},
         "the second took 2.0 s longer; most of it: RUN x (+2.5 s), which the first took from the "
         "cache"},
        {{3000, 1000},
         {2500, 0},
         {D, C},
         "the second took 2.0 s less; most of it: RUN x (-2.5 s), which the second took from the "
         "cache"},
        {{1000, 1010}, {500, 500}, {D, D}, "both took as long"},
        {{1000, 3000}, {500, 500}, {D, D}, "the second took 2.0 s longer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history_step a = step("RUN x", 2, (enum step_state)cases[i].states[0]);
        struct history_step b = step("RUN x", 2, (enum step_state)cases[i].states[1]);
        a.duration_ms = cases[i].steps[0];
        b.duration_ms = cases[i].steps[1];
        const struct history_build first = {
            .steps = &a, .steps_len = 1, .duration_ms = cases[i].took[0]};
        const struct history_build second = {
            .steps = &b, .steps_len = 1, .duration_ms = cases[i].took[1]};
        struct history_pair *pairs;
        size_t len;
        history_compare(&first, &second, &pairs, &len);
        char *summary = history_summary(&first, &second, pairs, len);
        assert_string_equal(summary, cases[i].says);
        free(summary);
        free(pairs);
    }
}

static void test_compare(void **state)
{
    (void)state;
    struct history_step a[] = {step("RUN x", 1, C), step("RUN gone", 2, D), step("RUN x", 3, D)};
    struct history_step b[] = {step("RUN x", 1, D), step("RUN new", 2, D), step("RUN x", 3, C)};
    const struct history_build first = {.steps = a, .steps_len = 3};
    const struct history_build second = {.steps = b, .steps_len = 3};
    struct history_pair *pairs;
    size_t len;
    history_compare(&first, &second, &pairs, &len);
    assert_int_equal(len, 4);
    assert_ptr_equal(pairs[0].first, &a[0]);
    assert_int_equal(history_pair_change_ms(&pairs[0]), 1000);
    assert_null(pairs[1].first);
    assert_int_equal(history_pair_change_ms(&pairs[2]), -1000);
    assert_ptr_equal(pairs[3].first, &a[1]);
    assert_null(pairs[3].second);
    free(pairs);
}

static void test_medians(void **state)
{
    (void)state;
    char a[] = "a", b[] = "b", k[] = "k";
    struct history_build builds[] = {
        {.service = b, .kind = k, .state = BUILD_DONE, .duration_ms = 10},
        {.service = a, .kind = k, .state = BUILD_DONE, .duration_ms = 30},
        {.service = a, .kind = k, .state = BUILD_DONE, .duration_ms = 10},
        {.service = a, .kind = k, .state = BUILD_DONE, .duration_ms = 90},
        {.service = a, .kind = k, .state = BUILD_FAILED, .duration_ms = 1},
        {.service = b, .kind = k, .state = BUILD_DONE, .duration_ms = 20},
        {.service = b, .kind = NULL, .state = BUILD_DONE, .duration_ms = 20},
    };
    struct history_median *medians;
    size_t len;
    history_medians(builds, 7, &medians, &len);
    assert_int_equal(len, 2);
    assert_string_equal(medians[0].service, "a");
    assert_int_equal(medians[0].builds, 3);
    assert_int_equal(medians[0].duration_ms, 30);
    assert_int_equal(medians[1].duration_ms, 15);
    free(medians);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_why),
        cmocka_unit_test(test_args),    cmocka_unit_test(test_independence),
        cmocka_unit_test(test_summary), cmocka_unit_test(test_compare),
        cmocka_unit_test(test_medians),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
