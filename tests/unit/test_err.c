#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "tests/support/limit.h"

static void test_set(void **state)
{
    struct err err = {.code = 7, .text = "old"};
    (void)state;
    assert_int_equal(ERR_FORMAT, err_set(&err, ERR_FORMAT, "reading %s: line %d", "a", 3));
    assert_int_equal(ERR_FORMAT, err.code);
    assert_string_equal(err.text, "reading a: line 3");
    assert_int_equal(-ENOENT, err_sys(&err, -ENOENT, "opening %s", "/no"));
    assert_int_equal(-ENOENT, err.code);
    assert_string_equal(err.text, "opening /no: no such file or directory");
    err_clear(&err);
    assert_int_equal(0, err.code);
    assert_string_equal(err.text, "");
}

static void test_nobody_wants_it(void **state)
{
    (void)state;
    assert_int_equal(ERR_LIMIT, err_set(NULL, ERR_LIMIT, "%d", 1));
    assert_int_equal(-EPERM, err_sys(NULL, -EPERM, "%d", 1));
}

static void test_every_code_has_a_reason(void **state)
{
    (void)state;
    for (int code = ERR_FORMAT; code >= ERR_USAGE; code--)
        assert_null(strstr(err_reason(code), "nknown"));
    assert_string_equal(err_reason(-EACCES), "permission denied");
    assert_string_equal(err_reason(-20999), "unknown error");
}

static void test_hostile_text(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"a\033[2Jb", "a\\x1b[2Jb"},
        {"two\nlines\r\n", "two lines  "},
        {"c1 \xc2\x9b", "c1 \\u{009b}"},
        {"bad \xff utf8", "bad \\xff utf8"},
        {"übung 漢字", "übung 漢字"},
        {"100%s", "100%s"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        err_set(&err, ERR_PEER, "%s", cases[i].text);
        assert_string_equal(err.text, cases[i].shown);
    }
}

static void test_a_long_text_gives_way_to_the_reason(void **state)
{
    char path[2000];
    struct err err;
    (void)state;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    err_sys(&err, -EACCES, "reading %s", path);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_non_null(strstr(err.text, "xx…: permission denied"));
    for (size_t len = sizeof err.text - 4; len < sizeof err.text + 4; len++) {
        err_set(&err, ERR_PEER, "%s", path + sizeof path - 1 - len);
        assert_int_equal(strstr(err.text, "…") == NULL, len < sizeof err.text);
    }
}

static void test_characters_are_not_cut_in_two(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char text[1200];
        struct err err;
        memset(text, 'x', lead);
        for (size_t i = lead; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x90\xb3", 5);
        err_set(&err, ERR_PEER, "%s", text);
        size_t len = strlen(err.text);
        assert_memory_equal(err.text + len - 7, "\xf0\x9f\x90\xb3…", 7);
    }
}

static void test_its_own_text_among_the_arguments(void **state)
{
    struct err err;
    (void)state;
    err_set(&err, ERR_PEER, "refused");
    err_set(&err, ERR_PEER, "asking again: %s, %s", err.text, err.text);
    assert_string_equal(err.text, "asking again: refused, refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_nobody_wants_it),
        cmocka_unit_test(test_every_code_has_a_reason),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_a_long_text_gives_way_to_the_reason),
        cmocka_unit_test(test_characters_are_not_cut_in_two),
        cmocka_unit_test(test_its_own_text_among_the_arguments),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
