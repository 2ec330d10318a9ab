#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tui/kit/sgr.h"

/* "<colour, b when bold>text" for each run. */
static void assert_line(const char *raw, size_t len, const char *expected)
{
    struct sgr_line line = {0};
    struct buf shown = {0};
    sgr_parse(&line, raw, len);
    for (size_t i = 0; i < line.runs_len; i++) {
        size_t end = i + 1 < line.runs_len ? line.runs[i + 1].start : line.text.len;
        const struct sgr_run *run = &line.runs[i];
        if (i == 0 && line.text.len > 0 && (run->dim || run->underline || run->reverse))
            buf_append_str(&shown, "<>");
        else if (run->foreground >= 0 || run->bold)
            buf_printf(&shown, "<%d%s>", run->foreground, run->bold ? "b" : "");
        else if (i > 0)
            buf_append_str(&shown, "<>");
        buf_append(&shown, line.text.data + run->start, end - run->start);
    }
    char *text = buf_take(&shown);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(line.text.data), line.text.len);
    free(text);
    sgr_done(&line);
}

static void test_lines(void **state)
{
    static const struct {
        const char *raw, *expected;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\033[32mgreen\033[0m off", "<2>green<> off"},
        {"a\033[1;31mb\033[22mc\033[39md", "a<1b>b<1>c<>d"},
        {"\033[93mbright\033[m", "<3>bright<>"},
        {"\033[38;5;196mx\033[48;2;1;2;31my", "<1>xy"}, /* a background is none */
        {"\033[38;5;196;32mx", "<2>x"},
        {"\033[1m\033[38;5;9merror\033[0m: no", "<1b>error<>: no"}, /* rustc */
        {"\033[38;2;40;90;250mx\033[38;5;240my\033[38;5;12mz", "<4>x<>y<4>z"},
        {"\033[38;5mx\033[38;2;1;2my\033[38;5;999mz", "xyz"}, /* not whole, or too large */
        {"\033[2;4;7mx\033[22;24;27my", "<>x<>y"},
        {"\033[2Jclear\033[10;10Hmove", "clearmove"}, /* left out */
        {"\033]0;title\007after", "after"},
        {"\033]8;;http://x\033\\link\033]8;;\033\\", "link"},
        {"\033]never ended", ""},
        {"a\033[", "a\\x1b["}, /* not whole: shown */
        {"a\033", "a\\x1b"},
        {"\033[31", "\\x1b[31"},
        {"\033(Bx", "x"}, /* tput sgr0 begins so */
        {"\033(", "\\x1b("},
        {"\033Pq#0\033\\x", "x"},
        {"\033cx", "x"},
        {"10%\r50%\r100%", "100%"}, /* the last state */
        {"done\r", "done"},
        {"\r\r", ""},
        {"tab\there", "tab here"},
        {"bell\a \x9b"
         "31m \xff",
         "bell\\x07 \\x9b31m \\xff"},
        {"\033[31m\033[32mx", "<2>x"},
        {"\033[99999999999999999999mx", "x"},
        {"\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mx", "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_line(cases[i].raw, strlen(cases[i].raw), cases[i].expected);
    assert_line("a\0b", 3, "a\\x00b");
}

static void test_is_used_again(void **state)
{
    struct sgr_line line = {0};
    (void)state;
    sgr_parse(&line, "\033[31mlong text", 14);
    sgr_parse(&line, "x", 1);
    assert_string_equal(line.text.data, "x");
    assert_int_equal(line.runs_len, 1);
    sgr_done(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_is_used_again),
    };
    limit_program(30);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
