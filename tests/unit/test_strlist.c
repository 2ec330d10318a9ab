#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/strlist.h"

static const char *const some[] = {"c", "", "a", "c", "\xff", "b"};
#define SOME (sizeof some / sizeof some[0])

static void is_list(const struct strlist *words, const char *const *expected, size_t len)
{
    assert_int_equal(len, words->len);
    for (size_t i = 0; i < len; i++)
        assert_string_equal(expected[i], words->items[i]);
    assert_null(words->items[len]);
}

static void test_grow_and_shrink(void **state)
{
    static const char *const without_ends[] = {"", "a", "c", "\xff", "taken"};
    struct strlist words = {0};
    (void)state;
    strlist_add_all(&words, some, SOME);
    is_list(&words, some, SOME);
    strlist_put(&words, mem_strdup("taken"));
    char *first = strlist_take(&words, 0), *inner = strlist_take(&words, 4);
    assert_string_equal("c", first);
    assert_string_equal("b", inner);
    free(first);
    free(inner);
    is_list(&words, without_ends, 5);
    while (words.len > 0)
        free(strlist_take(&words, words.len - 1));
    is_list(&words, NULL, 0);
    strlist_done(&words);
    assert_null(words.items);
}

static void test_command_lines(void **state)
{
    static const char *const expected[] = {"--profile", "dev", "--profile=-x", "a", "--",
                                           "b",         "-c"};
    static const char *const plain[] = {"a"}, *const dashed[] = {"b", "-c"};
    struct strlist words = {0};
    (void)state;
    words_add_option(&words, "--profile", "dev");
    words_add_option(&words, "--profile", "-x");
    words_add_operands(&words, NULL, 0);
    words_add_operands(&words, plain, 1);
    words_add_operands(&words, dashed, 2);
    is_list(&words, expected, 7);
    strlist_done(&words);
}

static void test_find(void **state)
{
    static const char *const sorted[] = {"", "a", "b", "c", "c", "\xff"};
    struct strlist words = {0};
    (void)state;
    strlist_sort(&words);
    assert_false(strlist_find(&words, ""));
    assert_false(strlist_has(&words, ""));
    strlist_add_all(&words, some, SOME);
    assert_true(strlist_has(&words, "b"));
    assert_false(strlist_has(&words, "bb"));
    strlist_sort(&words);
    is_list(&words, sorted, SOME);
    for (size_t i = 0; i < SOME; i++)
        assert_true(strlist_find(&words, some[i]));
    assert_false(strlist_find(&words, "bb"));
    strlist_done(&words);
}

static void test_equal(void **state)
{
    struct strlist a = {0}, b = {0};
    (void)state;
    assert_true(strlist_equal(&a, &b));
    strlist_add(&a, "x");
    assert_false(strlist_equal(&a, &b));
    strlist_add(&b, "y");
    assert_false(strlist_equal(&a, &b));
    strlist_add(&a, "y");
    free(strlist_take(&a, 0));
    assert_true(strlist_equal(&a, &b));
    strlist_done(&a);
    strlist_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow_and_shrink),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_command_lines),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
