#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"
#include "core/base/clock.h"
#include "tests/support/limit.h"

static const struct table_column columns[] = {
    {"NAME", false},
    {"SIZE", true},
    {"NOTE", false},
    {NULL, false},
};

static char *print(const struct table *table, size_t width)
{
    char *out = NULL;
    size_t len;
    FILE *file = open_memstream(&out, &len);
    table_print(table, width, file);
    fclose(file);
    return out;
}

static void test_aligned(void **state)
{
    struct table *table = table_new(columns);
    (void)state;
    table_text(table, "gr\xc3\xb6\xc3\x9f"
                      "e");
    table_size(table, 1340000);
    table_text(table, NULL);
    table_text(table, "\xe6\xb7\xb1\xe3\x81\x84"); /* two wide characters */
    table_size(table, 0);
    table_text(table, "last");
    char *out = print(table, 0);
    assert_string_equal(out, "NAME      SIZE  NOTE\n"
                             "gr\xc3\xb6\xc3\x9f"
                             "e  1.34 MB  -\n"
                             "\xe6\xb7\xb1\xe3\x81\x84       0 B  last\n");
    free(out);
    out = print(table, 12);
    assert_string_equal(out, "NAME      SI\n"
                             "gr\xc3\xb6\xc3\x9f"
                             "e  1.34\n"
                             "\xe6\xb7\xb1\xe3\x81\x84       0\n");
    free(out);
    table_free(table);
}

static void test_hostile(void **state)
{
    struct table *table = table_new(columns);
    (void)state;
    table_text(table, "\x1b]0;x\x07\n\xff");
    table_count(table, UINT64_MAX);
    table_age(table, 0, CLOCK_SECOND);
    char *out = print(table, 0);
    assert_string_equal(out, "NAME                                  SIZE  NOTE\n"
                             "\\x1b]0;x\\x07\\x0a\\xff  18446744073709551615  -\n");
    free(out);
    table_free(table);
}

static void test_ages(void **state)
{
    static const struct table_column ages[] = {{"AGE", true}, {NULL, false}};
    struct table *table = table_new(ages);
    (void)state;
    table_age(table, 5 * CLOCK_SECOND, 5 * CLOCK_SECOND);
    table_age(table, CLOCK_SECOND, 121 * CLOCK_SECOND);
    table_age(table, 9 * CLOCK_SECOND, CLOCK_SECOND); /* a clock that was set back */
    char *out = print(table, 0);
    assert_string_equal(out, "AGE\n0 s\n2 m\n0 s\n");
    free(out);
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_ages),
    };
    limit_program(30);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
