#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"

static void test_nothing_is_still_something(void **state)
{
    (void)state;
    void *a = mem_alloc(0), *b = mem_zalloc(0), *c = mem_realloc(NULL, 0);
    assert_true(a != NULL && b != NULL && c != NULL);
    c = mem_realloc(c, 100);
    memset(c, 1, 100);
    free(a);
    free(b);
    free(c);
}

static void test_strings(void **state)
{
    (void)state;
    char *texts[] = {
        mem_strdup(""),     mem_strdup("abc"),           mem_strndup("abcdef", 3),
        mem_strndup("", 0), mem_printf("%s-%d", "n", 7), mem_printf("%s", ""),
    };
    static const char *const wanted[] = {"", "abc", "abc", "", "n-7", ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_string_equal(texts[i], wanted[i]);
        free(texts[i]);
    }
}

static void test_replace(void **state)
{
    char *slot = NULL;
    (void)state;
    mem_replace(&slot, NULL);
    assert_null(slot);
    mem_replace(&slot, "one");
    assert_string_equal(slot, "one");
    mem_replace(&slot, slot + 1); /* a part of what it replaces */
    assert_string_equal(slot, "ne");
    mem_replace(&slot, NULL);
    assert_null(slot);
}

static void test_reserve_doubles(void **state)
{
    int *items = NULL;
    size_t cap = 0, moves = 0;
    (void)state;
    mem_reserve((void **)&items, &cap, 0, sizeof *items);
    assert_null(items);
    for (size_t len = 0; len < 10000; len++) {
        size_t before = cap;
        mem_reserve((void **)&items, &cap, len + 1, sizeof *items);
        moves += cap != before;
        assert_true(cap > len);
        items[len] = (int)len;
    }
    assert_true(moves < 14);
    assert_int_equal(items[9999], 9999);
    mem_reserve((void **)&items, &cap, 100000, sizeof *items);
    assert_int_equal(cap, 100000);
    free(items);
}

static void test_buf(void **state)
{
    struct buf buf = {0};
    (void)state;
    buf_append(&buf, "", 0);
    assert_string_equal(buf.data, "");
    buf_append(&buf, "a\0b", 3);
    buf_append_str(&buf, "cd");
    buf_printf(&buf, "%s", "");
    buf_printf(&buf, "-%03d", 5);
    assert_int_equal(buf.len, 9);
    assert_memory_equal(buf.data, "a\0bcd-005", 10);
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    buf_append_str(&buf, "again");
    char *taken = buf_take(&buf);
    assert_string_equal(taken, "again");
    assert_true(buf.data == NULL && buf.len == 0 && buf.cap == 0);
    free(taken);
    taken = buf_take(&buf);
    assert_string_equal(taken, "");
    free(taken);
    buf_clear(&buf);
    buf_done(&buf);
    assert_null(buf.data);
}

/* The text is exact at every length around the capacity. */
static void test_buf_edges(void **state)
{
    (void)state;
    for (size_t start = 0; start < 40; start++)
        for (int add = 0; add < 20; add++) {
            struct buf buf = {0};
            for (size_t i = 0; i < start; i++)
                buf_append(&buf, "x", 1);
            buf_printf(&buf, "%0*d", add, 0);
            assert_int_equal(buf.len, start + (size_t)(add > 1 ? add : 1));
            assert_int_equal(buf.data[buf.len], '\0');
            assert_int_equal(buf.data[buf.len - 1], '0');
            assert_true(buf.cap > buf.len);
            buf_done(&buf);
        }
}

/* How a child that runs `take` ends. */
static int fate(void (*take)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        take();
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(child, waitpid(child, &status, 0));
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void take_too_many_items(void)
{
    void *items = NULL;
    size_t cap = 0;
    mem_reserve(&items, &cap, SIZE_MAX / 8, 16);
    free(items);
}

static void take_a_few_items(void)
{
    void *items = NULL;
    size_t cap = 0;
    mem_reserve(&items, &cap, 8, 16);
    free(items);
}

static void test_out_of_memory_ends_it(void **state)
{
    (void)state;
    assert_int_equal(fate(take_a_few_items), 0);
    assert_int_equal(fate(take_too_many_items), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_still_something),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_reserve_doubles),
        cmocka_unit_test(test_buf),
        cmocka_unit_test(test_buf_edges),
        cmocka_unit_test(test_out_of_memory_ends_it),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
