#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/lines.h"
#include "tests/support/limit.h"

/* Lines are collected as "[one][two]". */
static void collect(void *arg, const char *line, size_t len)
{
    struct buf *got = arg;
    buf_append_str(got, "[");
    buf_append(got, line, len);
    buf_append_str(got, "]");
}

static void cut(const char *data, size_t len, size_t max, size_t chunk, struct buf *ret_got)
{
    struct lines lines;
    buf_append_str(ret_got, "");
    lines_init(&lines, max);
    for (size_t i = 0; i < len; i += chunk)
        lines_feed(&lines, data + i, len - i < chunk ? len - i : chunk, collect, ret_got);
    lines_end(&lines, collect, ret_got);
    lines_done(&lines);
}

static const struct {
    const char *data;
    size_t max;
    const char *lines;
} cases[] = {
    {"", 8, ""},
    {"\n", 8, "[]"},
    {"\n\n\n", 8, "[][][]"},
    {"one", 8, "[one]"},
    {"one\n", 8, "[one]"},
    {"one\ntwo\n", 8, "[one][two]"},
    {"one\ntwo", 8, "[one][two]"},
    {"one\n\ntwo\n\n", 8, "[one][][two][]"},
    {"one\r\ntwo\r\n", 8, "[one\r][two\r]"},
    /* around the longest line */
    {"1234567\n", 8, "[1234567]"},
    {"12345678\n", 8, "[12345678]"},
    {"12345678", 8, "[12345678]"},
    {"123456789\n", 8, "[12345678][9]"},
    {"1234567890123456\n", 8, "[12345678][90123456]"},
    {"12345678901234567\n", 8, "[12345678][90123456][7]"},
    {"12345678\n\n9\n", 8, "[12345678][][9]"},
    {"abc\n", 1, "[a][b][c]"},
    {"a\n\nb", 1, "[a][][b]"},
};

static void test_any_chunks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t chunk = 1; chunk <= strlen(cases[i].data) + 1; chunk++) {
            struct buf got = {0};
            cut(cases[i].data, strlen(cases[i].data), cases[i].max, chunk, &got);
            if (strcmp(got.data, cases[i].lines) != 0)
                fail_msg("case %zu in chunks of %zu: %s, not %s", i, chunk, got.data,
                         cases[i].lines);
            buf_done(&got);
        }
}

static void test_zero_bytes_are_content(void **state)
{
    (void)state;
    struct buf got = {0};
    cut("a\0b\n\0\n", 6, 8, 2, &got);
    assert_int_equal(got.len, 8);
    assert_memory_equal(got.data, "[a\0b][\0]", 8);
    buf_done(&got);
}

static void check_not_copied(void *arg, const char *line, size_t len)
{
    const char *chunk = arg;
    assert_true(line == chunk || line == chunk + 4);
    assert_int_equal(len, 3);
}

static void test_whole_lines_are_not_copied(void **state)
{
    (void)state;
    char chunk[] = "one\ntwo\n";
    struct lines lines;
    lines_init(&lines, 64);
    lines_feed(&lines, chunk, strlen(chunk), check_not_copied, chunk);
    assert_null(lines.partial.data);
    lines_done(&lines);
}

static void test_memory_stays_bounded(void **state)
{
    (void)state;
    static char flood[1 << 16];
    struct buf got = {0};
    struct lines lines;
    memset(flood, 'x', sizeof flood);
    lines_init(&lines, 100);
    for (int i = 0; i < 100; i++) {
        lines_feed(&lines, flood, sizeof flood, collect, &got);
        buf_clear(&got);
        assert_true(lines.partial.len <= 100 && lines.partial.cap <= 1024);
    }
    lines_done(&lines);
    buf_done(&got);
}

static void test_end_can_be_called_again(void **state)
{
    (void)state;
    struct buf got = {0};
    struct lines lines;
    lines_init(&lines, 8);
    lines_end(&lines, collect, &got);
    lines_feed(&lines, "one", 3, collect, &got);
    lines_end(&lines, collect, &got);
    lines_end(&lines, collect, &got);
    lines_feed(&lines, "two\n", 4, collect, &got);
    assert_string_equal(got.data, "[one][two]");
    lines_done(&lines);
    buf_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_chunks),
        cmocka_unit_test(test_zero_bytes_are_content),
        cmocka_unit_test(test_whole_lines_are_not_copied),
        cmocka_unit_test(test_memory_stays_bounded),
        cmocka_unit_test(test_end_can_be_called_again),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
