#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/escape.h"
#include "core/base/mem.h"
#include "tests/support/limit.h"

/* A copy without a NUL, so that the sanitizer sees a read past the end. */
static size_t length_of(const char *text, size_t len, struct escape_colour *ret_colour)
{
    char *copy = mem_alloc(len);
    memcpy(copy, text, len);
    size_t length = escape_length(copy, len, ret_colour);
    if (ret_colour->numbers != NULL) {
        assert_ptr_equal(ret_colour->numbers, copy + 2);
        assert_true(ret_colour->len == length - 3);
    }
    free(copy);
    return length;
}

static void test_sequences(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        bool colour;
    } cases[] = {
        {"\033", 0, false},
        {"\033[", 0, false},
        {"\033[3", 0, false},
        {"\033[m", 3, true},
        {"\033[0mx", 4, true},
        {"\033[1;38:2::1:2:3mx", 16, true},
        {"\033[2Jx", 4, false},
        {"\033[?25lx", 6, false},
        {"\033[?1mx", 5, false},
        {"\033[>4;1mx", 7, false},
        {"\033[0 mx", 5, false},
        {"\033[3\x01m", 0, false},
        {"\033[3\xffm", 0, false},
        {"\033]0;title\ax", 10, false},
        {"\033]0;title\033\\x", 11, false},
        {"\033]0;a\033b\ax", 8, false},
        {"\033]never ends", 12, false},
        {"\033Pq\033\\x", 5, false},
        {"\033_x\033\\x", 5, false},
        {"\033^x\033\\x", 5, false},
        {"\033Xx\033\\x", 5, false},
        {"\033cx", 2, false},
        {"\0337x", 2, false},
        {"\033(Bx", 3, false},
        {"\033(", 0, false},
        {"\033\033[m", 0, false},
        {"\033\x7f", 0, false},
        {"\033\xff", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct escape_colour colour;
        assert_int_equal(length_of(cases[i].text, strlen(cases[i].text), &colour), cases[i].length);
        assert_int_equal(colour.numbers != NULL, cases[i].colour);
    }
}

static void test_a_flood_of_numbers_is_no_colour(void **state)
{
    char text[1000] = "\033[";
    struct escape_colour colour;
    (void)state;
    memset(text + 2, '1', 990);
    text[992] = 'm';
    assert_int_equal(length_of(text, 993, &colour), 993);
    assert_null(colour.numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_a_flood_of_numbers_is_no_colour),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
