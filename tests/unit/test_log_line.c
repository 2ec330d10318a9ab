/* Lines of a log as they are shown, and which part of a log is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/progress/progress.h"
#include "tests/support/limit.h"
#include "tui/log_line.h"
#include "tui/log_scope.h"

/* What a reader makes of one line, and how that is shown. */
static void test_kinds(void **state)
{
    static const struct {
        const struct progress_ops *ops;
        const char *raw;
        enum log_kind kind;
        size_t prefix;
        const char *bare; /* without times */
    } cases[] = {
        {&progress_plain, "#5 0.42 hello", LOG_OUTPUT, 8, "hello"},
        {&progress_plain, "#5 0.42 ", LOG_OUTPUT, 8, ""},
        {&progress_plain, "#12 101.5 \033[31mred\033[0m", LOG_OUTPUT, 10, "red"},
        {&progress_plain, "#5 0.42 ERROR: said by the step", LOG_OUTPUT, 8,
         "ERROR: said by the step"},
        {&progress_plain, "#5 0.42 #7 1.23 text", LOG_OUTPUT, 8, "#7 1.23 text"},
        {&progress_plain, "#5 0.42 Step 3/5 : RUN x", LOG_OUTPUT, 8, "Step 3/5 : RUN x"},
        {&progress_plain, "#5 0.42 [output clipped, log limit 2MiB reached]", LOG_CLIPPED, 8,
         "[output clipped, log limit 2MiB reached]"},
        {&progress_plain, "#5 0.42 see: [output clipped, log limit 2MiB reached]", LOG_OUTPUT, 8,
         "see: [output clipped, log limit 2MiB reached]"},
        {&progress_plain, "#5 [api 2/4] RUN make", LOG_NAME, 3, "#5 [api 2/4] RUN make"},
        {&progress_plain, "#5 DONE 1.2s", LOG_STATE, 3, "#5 DONE 1.2s"},
        {&progress_plain, "#5 sha256:ab 1B done", LOG_EVENT, 3, "#5 sha256:ab 1B done"},
        {&progress_plain, "#5 ERROR: no", LOG_ERROR, 3, "#5 ERROR: no"},
        {&progress_plain, "#5 WARN: x: y", LOG_WARNING, 3, "#5 WARN: x: y"},
        {&progress_plain, "failed to solve: no", LOG_ERROR, 0, "failed to solve: no"},
        {&progress_plain, "   5 | >>> RUN make", LOG_ERROR, 0, "   5 | >>> RUN make"},
        {&progress_plain, "   4 |     COPY . .", LOG_OTHER, 0, "   4 |     COPY . ."},
        {&progress_plain, "#x y", LOG_OTHER, 0, "#x y"},
        {&progress_plain, "", LOG_OTHER, 0, ""},
        {&progress_plain, "#5 0.42 10%\r50%", LOG_OUTPUT, 0, "50%"}, /* overwritten */
        {&progress_legacy, "Step 3/9 : RUN make", LOG_NAME, 0, "Step 3/9 : RUN make"},
        {&progress_legacy, "#7 1.23 text", LOG_OTHER, 0, "#7 1.23 text"},
    };
    struct log_line line = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 0);
        void *progress = cases[i].ops->open(build);
        struct buildlog_line raw;
        cases[i].ops->feed(progress, 1, cases[i].raw, strlen(cases[i].raw), 1);
        cases[i].ops->feed(progress, 1, "\n", 1, 1);
        assert_int_equal(buildlog_get(build->log, 0, &raw), 0);
        log_line_read(&line, &raw, true);
        if (line.kind != cases[i].kind || line.prefix != cases[i].prefix)
            fail_msg("%s: kind %d, prefix %zu", cases[i].raw, (int)line.kind, line.prefix);
        log_line_read(&line, &raw, false);
        assert_string_equal(line.text.text.data, cases[i].bare);
        cases[i].ops->close(progress);
        build_free(build);
    }
    log_line_done(&line);
}

static void test_find(void **state)
{
    static const struct {
        const char *text, *sought;
        size_t from;
        int at; /* -1: nowhere */
    } cases[] = {
        {"an Error here", "error", 0, 3},
        {"an Error here", "Error", 0, 3},
        {"an error here", "Error", 0, -1},
        {"aaa", "a", 1, 1},
        {"aaa", "a", 3, -1},
        {"aaa", "a", 9, -1},
        {"aaa", "", 0, -1},
        {"caf\xc3\xa9", "\xc3\xa9", 0, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i].text;
        const char *found = log_find_text(text, strlen(text), cases[i].from, cases[i].sought,
                                          log_case_counts(cases[i].sought));
        assert_int_equal(found != NULL ? (int)(found - text) : -1, cases[i].at);
    }
}

static const char log_text[] = "#1 [api internal] load\n#1 DONE 0.1s\n\n"
                               "#2 [web internal] load\n#2 DONE 0.1s\n\n"
                               "#3 [api 1/1] RUN x\n#3 0.1 said\n#3 ERROR: no\n\n"
                               "#4 [web 1/1] RUN y\n#4 ERROR: neither\n\n"
                               "#5 of nobody\n";

static void test_scope(void **state)
{
    static const char *const expected[] = {"api", "web", NULL, "api"};
    struct build *build = build_new(1, NULL, 0, "x", 0);
    void *progress = progress_plain.open(build);
    struct log_scope scope = {0};
    (void)state;
    progress_plain.feed(progress, 1, log_text, sizeof log_text - 1, 1);
    progress_plain.close(progress);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(log_scope_turn(&scope, build, 1));
        if (expected[i] == NULL)
            assert_null(scope.service);
        else
            assert_string_equal(scope.service, expected[i]);
    }
    struct logfilter filter = log_scope_filter(&scope, build);
    assert_true(logfilter_takes(&filter, 3));
    assert_false(logfilter_takes(&filter, 4) || logfilter_takes(&filter, 0));
    logfilter_done(&filter);
    scope.step = 4;
    filter = log_scope_filter(&scope, build);
    assert_true(logfilter_takes(&filter, 4));
    assert_false(logfilter_takes(&filter, 3));
    logfilter_done(&filter);
    log_scope_done(&scope);
    build_free(build);
}

static void test_errors(void **state)
{
    struct build *build = build_new(1, NULL, 0, "x", 0);
    void *progress = progress_plain.open(build);
    struct logfilter all = {0}, web = {0};
    uint64_t number;
    (void)state;
    progress_plain.feed(progress, 1, log_text, sizeof log_text - 1, 1);
    progress_plain.close(progress);
    logfilter_add(&web, 4);
    assert_true(log_next_error(build, &all, 0, 1, &number));
    assert_int_equal(number, 8);
    assert_true(log_next_error(build, &all, 9, 1, &number));
    assert_int_equal(number, 11);
    assert_false(log_next_error(build, &all, 12, 1, &number));
    assert_true(log_next_error(build, &all, 10, -1, &number));
    assert_int_equal(number, 8);
    assert_false(log_next_error(build, &all, 7, -1, &number));
    assert_true(log_next_error(build, &web, 0, 1, &number));
    assert_int_equal(number, 11);
    logfilter_done(&web);
    build_free(build);
}

/* One service has nothing to be turned to. */
static void test_nothing_to_turn(void **state)
{
    static const char *const one[] = {"api"};
    struct build *build = build_new(1, one, 1, "x", 0);
    struct log_scope scope = {0};
    (void)state;
    assert_false(log_scope_turn(&scope, build, 1));
    build_name_step(build, build_step(build, 1), "[1/1] RUN x", 11);
    assert_false(log_scope_turn(&scope, build, 1));
    assert_null(scope.service);
    build_free(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),           cmocka_unit_test(test_find),
        cmocka_unit_test(test_scope),           cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nothing_to_turn),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
