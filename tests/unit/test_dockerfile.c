/* Where in a Dockerfile a step failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/project/dockerfile.h"
#include "tests/support/limit.h"

static const char dockerfile[] = "# syntax of old\n"                   /* 1 */
                                 "FROM base:1 AS builder\n"            /* 2 */
                                 "ARG PLACE=/src\n"                    /* 3 */
                                 "WORKDIR /app\n"                      /* 4 */
                                 "\n"                                  /* 5 */
                                 "COPY ${PLACE} /src\n"                /* 6 */
                                 "run --network=none echo one && \\\n" /* 7 */
                                 "    # a note between\n"              /* 8 */
                                 "    echo two && \\\n"                /* 9 */
                                 "    false\n"                         /* 10 */
                                 "FROM base:1\n"                       /* 11 */
                                 "RUN <<END\n"                         /* 12 */
                                 "set -e\n"                            /* 13 */
                                 "END\n"                               /* 14 */
                                 "COPY --from=builder /app /app\r\n"   /* 15 */
                                 "RUN make";                           /* 16 */

static void test_find(void **state)
{
    static const struct {
        const char *stage;
        int index;
        const char *instruction;
        int first, last; /* 0: not found */
    } cases[] = {
        {"builder", 2, "WORKDIR /app", 4, 4},
        {"builder", 4, "RUN --network=none echo one &&     echo two &&     false", 7, 10},
        {NULL, 0, "RUN --network=none echo one && echo two && false", 7, 10},
        {"builder", 3, "COPY /src /src", 6, 6}, /* the variable was replaced */
        {"builder", 4, "COPY /src /src", 0, 0}, /* another kind stands there */
        {"stage-1", 2, "RUN <<END (set -e)", 12, 14},
        {"stage-1", 3, "COPY --from=builder /app /app", 15, 15},
        {"stage-1", 4, "RUN make", 16, 16},
        {"stage-1", 1, "FROM base:1", 11, 11},
        {"builder", 1, "FROM base:1 AS builder", 2, 2},
        {"other", 9, "RUN never", 0, 0},
        {NULL, 0, "", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dockerfile_wish wish = {cases[i].stage, cases[i].index, cases[i].instruction};
        int first = 0, last = 0;
        bool found = dockerfile_find(dockerfile, sizeof dockerfile - 1, &wish, &first, &last);
        assert_int_equal(found, cases[i].first > 0);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(last, cases[i].last);
    }
}

static void test_other_escape(void **state)
{
    static const char windows[] = "# escape=`\nFROM a\nRUN one `\n  two\nRUN c:\\\nRUN three\n";
    const struct dockerfile_wish wish = {NULL, 0, "RUN one   two"};
    const struct dockerfile_wish other = {NULL, 0, "RUN three"};
    int first = 0, last = 0;
    (void)state;
    assert_true(dockerfile_find(windows, sizeof windows - 1, &wish, &first, &last));
    assert_int_equal(first, 3);
    assert_int_equal(last, 4);
    assert_true(dockerfile_find(windows, sizeof windows - 1, &other, &first, &last));
    assert_int_equal(first, 6);
}

static void test_make(void **state)
{
    static const char text[] = "FROM a\nRUN b\nRUN c\r\nRUN d\nRUN e\nRUN f";
    (void)state;
    char *made = dockerfile_excerpt(text, sizeof text - 1, 4, 4);
    assert_string_equal(made, "   2 |     RUN b\n   3 |     RUN c\n"
                              "   4 | >>> RUN d\n   5 |     RUN e\n   6 |     RUN f");
    free(made);
    assert_null(dockerfile_excerpt(text, sizeof text - 1, 7, 7));
    assert_null(dockerfile_excerpt(text, sizeof text - 1, 0, 0));
    assert_null(dockerfile_excerpt("", 0, 1, 1));
}

/* Any bytes: within bounds, and an end (the sanitizers look on). */
static void test_hostile(void **state)
{
    static const char *const texts[] = {
        "\\", "RUN \\",    "RUN <<",       "RUN <<-\"",       "FROM", "FROM ",
        "#",  "# escape=", "\n\n\\\n\\\n", "RUN <<E\nno end", "<<"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct dockerfile_wish wish = {"b", 2, texts[i]};
        int first, last;
        char *copy = mem_strndup(texts[i], strlen(texts[i]));
        dockerfile_find(copy, strlen(copy), &wish, &first, &last);
        free(dockerfile_excerpt(copy, strlen(copy), 1, 1));
        free(copy);
    }
}

static void test_parse_error(void **state)
{
    (void)state;
    assert_int_equal(dockerfile_error_line("dockerfile parse error on line 2: unknown"), 2);
    assert_int_equal(dockerfile_error_line("failed to solve: dockerfile parse error on line x"), 0);
    assert_int_equal(dockerfile_error_line("exit code: 2"), 0);
    assert_int_equal(dockerfile_error_line(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),        cmocka_unit_test(test_other_escape),
        cmocka_unit_test(test_make),        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_parse_error),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
