/* Warnings and excerpts, as hostile as they can come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/progress/remarks.h"
#include "tests/support/limit.h"

static const struct {
    const char *text, *kept;
    int line;
} warnings[] = {
    {"FromAsCasing: no match (line 3)", "FromAsCasing: no match", 3},
    {"no line", "no line", 0},
    {"no number (line x)", "no number (line x)", 0},
    {"nothing (line )", "nothing (line )", 0},
    {"zero (line 0)", "zero (line 0)", 0},
    {"huge (line 99999999999999999999)", "huge (line 99999999999999999999)", 0},
    {" (line 7)", "", 7},
    {")", ")", 0},
    {"", "", 0},
};

static void test_warnings(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 1024);
    build_step(build, 2);
    for (size_t i = 0; i < sizeof warnings / sizeof warnings[0]; i++) {
        build_add_warning(build, 2, warnings[i].text, strlen(warnings[i].text), "u", NULL, 0);
        assert_int_equal(build->warnings_len, i + 1);
        assert_string_equal(build->warnings[i].text, warnings[i].kept);
        assert_int_equal(build->warnings[i].line, warnings[i].line);
        assert_string_equal(build->warnings[i].url, "u");
        assert_null(build->warnings[i].file);
    }
    for (int i = 0; i < 2 * WARNINGS_MAX; i++)
        build_add_warning(build, 2, "again", 5, NULL, "f", 4);
    assert_int_equal(build->warnings_len, WARNINGS_MAX);
    assert_int_equal(build_step(build, 2)->warnings,
                     sizeof warnings / sizeof warnings[0] + 2 * WARNINGS_MAX);
    build_free(build);
}

#define RULE "--------------------\n"
static const struct {
    const char *lines, *file, *text; /* text NULL: no excerpt */
    int line;
} excerpts[] = {
    {"Dockerfile:5\n" RULE "   5 | >>> RUN x\n" RULE, "Dockerfile", "   5 | >>> RUN x", 5},
    {"a b:5\n\n" RULE "\n   4 |     A\n\n   5 | >>> B\r\n" RULE, "a b",
     "   4 |     A\n   5 | >>> B", 5},
    {"d:1\n" RULE "   1 | >>> \x1b[2Jx\n" RULE, "d", "   1 | >>> \\x1b[2Jx", 1},
    {"d:1\nsomething\n" RULE "   1 | A\n" RULE, NULL, NULL, 0},
    {"d:1\n" RULE "nothing of it\n   1 | A\n" RULE, NULL, NULL, 0},
    {"d:1\n" RULE "   1 | A\n", NULL, NULL, 0}, /* never ends */
    {"d:0\n" RULE "   1 | A\n" RULE, NULL, NULL, 0},
    {":1\n" RULE "   1 | A\n" RULE, NULL, NULL, 0},
    {"d:1\n" RULE RULE, NULL, NULL, 0},
    {"d:1\n" RULE "   1 | A\n" RULE "e:2\n" RULE "   2 | B\n" RULE, "d", "   1 | A", 1},
};

static void feed(struct build *build, const char *lines)
{
    struct excerpt_reader reader = {0};
    for (const char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1)
        excerpt_look(&reader, build, lines, (size_t)(end - lines));
    excerpt_done(&reader);
}

static void test_excerpts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof excerpts / sizeof excerpts[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 1024);
        feed(build, excerpts[i].lines);
        if (excerpts[i].text == NULL) {
            assert_null(build->excerpt.text);
        } else {
            assert_string_equal(build->excerpt.text, excerpts[i].text);
            assert_string_equal(build->excerpt.file, excerpts[i].file);
            assert_int_equal(build->excerpt.line, excerpts[i].line);
        }
        excerpt_settle(build);
        assert_int_equal(build->excerpt.step, 0);
        build_free(build);
    }
}

/* It never grows without end. */
static void test_long_excerpt(void **state)
{
    (void)state;
    struct build *build = build_new(1, NULL, 0, "x", 1024);
    struct excerpt_reader reader = {0};
    char line[4096];
    memset(line, 'x', sizeof line);
    memcpy(line, "   1 | ", 7);
    excerpt_look(&reader, build, "d:1", 3);
    excerpt_look(&reader, build, "--------------------", 20);
    for (int i = 0; i < 1000; i++)
        assert_true(excerpt_look(&reader, build, line, sizeof line));
    excerpt_look(&reader, build, "--------------------", 20);
    assert_non_null(build->excerpt.text);
    assert_true(strlen(build->excerpt.text) <= 16 * 1024);
    build_free(build);
}

static struct step *add_step(struct build *build, int number, enum step_state state,
                             const char *name, const char *error)
{
    struct step *step = build_step(build, number);
    build_name_step(build, step, name, strlen(name));
    step->state = state;
    if (error != NULL)
        step->error = mem_strdup(error);
    return step;
}

static void test_whose(void **state)
{
    (void)state;
    static const char lines[] = "d:2\n" RULE "   2 | >>> COPY a /a \\\n" RULE;
    struct build *build = build_new(1, NULL, 0, "x", 1024);
    feed(build, lines);
    add_step(build, 1, STEP_DONE, "[1/3] COPY a /a", NULL);
    add_step(build, 2, STEP_CANCELLED, "[2/3] COPY a /a", NULL);
    excerpt_settle(build);
    assert_int_equal(build->excerpt.step, 2);
    build_free(build);
    build = build_new(1, NULL, 0, "x", 1024);
    feed(build, lines);
    add_step(build, 1, STEP_FAILED, "[a 1/1] RUN x", "first");
    add_step(build, 2, STEP_FAILED, "[b 1/1] RUN y", "second");
    build_set_error(build, "it was first: x", 15);
    excerpt_settle(build);
    assert_int_equal(build->excerpt.step, 1);
    build_free(build);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_excerpts),
        cmocka_unit_test(test_long_excerpt),
        cmocka_unit_test(test_whose),
    };
    return cmocka_run_group_tests_name("remarks", tests, NULL, NULL);
}
