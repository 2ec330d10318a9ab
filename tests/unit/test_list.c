#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tui/kit/list.h"

struct thing {
    const char *id;
    int64_t size;
};

static bool is_shown(const struct list *list, const char *text)
{
    return list->filter == NULL || strcasestr(text, list->filter) != NULL;
}

/* As a pane does at each change of the store. */
static void rebuild(struct list *list, const struct thing *things, size_t len)
{
    list_begin(list);
    for (size_t i = 0; i < len; i++)
        list_add(list, things[i].id, i, is_shown(list, things[i].id), things[i].size, things[i].id);
    list_end(list);
}

static void assert_rows(const struct list *list, const char *expected)
{
    char rows[64] = "";
    for (size_t i = 0; i < list_len(list); i++)
        strcat(rows, list_id(list, i));
    assert_string_equal(rows, expected);
}

static const char *current(const struct list *list)
{
    return list_id(list, list->scroll.cursor);
}

static const struct thing abc[] = {{"a", 2}, {"b", 3}, {"c", 1}, {"d", 2}};

static void test_sorts(void **state)
{
    struct list list = {0};
    (void)state;
    rebuild(&list, abc, 4);
    assert_rows(&list, "cadb"); /* equal numbers: by text */
    list.descending = true;
    rebuild(&list, abc, 4);
    assert_rows(&list, "bdac");
    assert_int_equal(list_index(&list), 1); /* nobody has moved it: at the top */
    list_to(&list, 3);
    list.descending = false;
    rebuild(&list, abc, 4);
    assert_string_equal(current(&list), "c"); /* on the row that it was moved to */
    list_done(&list);
}

static void test_equal_rows_keep_their_order(void **state)
{
    static const struct thing same[] = {{"x", 1}, {"y", 1}, {"z", 1}};
    struct list list = {.descending = true};
    (void)state;
    list_begin(&list);
    for (size_t i = 0; i < 3; i++)
        list_add(&list, same[i].id, i, true, 1, "text");
    list_end(&list);
    assert_rows(&list, "xyz");
    list_done(&list);
}

static void test_cursor_stays_with_its_id(void **state)
{
    static const struct thing moved[] = {{"d", 9}, {"b", 8}, {"a", 7}};
    static const struct thing without[] = {{"a", 1}, {"d", 2}};
    struct list list = {0};
    (void)state;
    rebuild(&list, abc, 4);
    assert_true(list_command(&list, COMMAND_BOTTOM));
    assert_string_equal(current(&list), "b");
    rebuild(&list, moved, 3);
    assert_string_equal(current(&list), "b");
    assert_int_equal(list.scroll.cursor, 1);
    rebuild(&list, without, 2); /* gone: the row that took its place */
    assert_string_equal(current(&list), "d");
    rebuild(&list, NULL, 0);
    assert_int_equal(list_index(&list), SIZE_MAX);
    rebuild(&list, without, 2); /* it is not forgotten over an empty moment */
    assert_string_equal(current(&list), "d");
    list_done(&list);
}

static void test_an_unmoved_cursor_stays_at_the_top(void **state)
{
    static const struct thing first[] = {{"z", 5}}, then[] = {{"a", 1}, {"z", 5}};
    struct list list = {0};
    (void)state;
    rebuild(&list, first, 1);
    assert_string_equal(current(&list), "z");
    rebuild(&list, then, 2);
    assert_string_equal(current(&list), "a");
    list_to(&list, 1);
    rebuild(&list, first, 1);
    rebuild(&list, then, 2);
    assert_string_equal(current(&list), "z");
    list_done(&list);
}

static void test_filter(void **state)
{
    static const struct thing names[] = {{"Api", 1}, {"rust-worker", 2}, {"ruby-worker", 3}};
    struct list list = {0};
    (void)state;
    list_set_filter(&list, "WORK");
    rebuild(&list, names, 3);
    assert_int_equal(list_len(&list), 2);
    list_set_filter(&list, "api");
    rebuild(&list, names, 3);
    assert_rows(&list, "Api");
    list_set_filter(&list, "no such");
    rebuild(&list, names, 3);
    assert_int_equal(list_len(&list), 0);
    assert_false(list_is_marked(&list, "Api"));
    list_set_filter(&list, "");
    assert_null(list.filter);
    rebuild(&list, names, 3);
    assert_int_equal(list_len(&list), 3);
    list_done(&list);
}

static void append_id(void *arg, const char *id)
{
    strcat(arg, id);
}

static void test_marks(void **state)
{
    struct list list = {0};
    char marked[16] = "";
    (void)state;
    rebuild(&list, abc, 4);
    list_toggle_mark(&list, "b");
    list_toggle_mark(&list, "a");
    list_toggle_mark(&list, "c");
    list_toggle_mark(&list, "c");
    assert_int_equal(list_marked_len(&list), 2);
    assert_true(list_is_marked(&list, "a"));
    assert_false(list_is_marked(&list, "c"));

    list_set_filter(&list, "a"); /* what is not shown keeps its mark */
    rebuild(&list, abc, 4);
    assert_true(list_is_marked(&list, "b"));
    list_each_mark(&list, append_id, marked);
    assert_string_equal(marked, "ba");

    rebuild(&list, abc, 1); /* what is gone loses it */
    assert_int_equal(list_marked_len(&list), 1);
    list_set_filter(&list, NULL);
    rebuild(&list, abc, 4);
    list_mark_shown(&list);
    assert_int_equal(list_marked_len(&list), 4);
    list_unmark(&list);
    assert_int_equal(list_marked_len(&list), 0);
    list_mark_shown(&list);
    list_done(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts),
        cmocka_unit_test(test_equal_rows_keep_their_order),
        cmocka_unit_test(test_cursor_stays_with_its_id),
        cmocka_unit_test(test_an_unmoved_cursor_stays_at_the_top),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_marks),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
