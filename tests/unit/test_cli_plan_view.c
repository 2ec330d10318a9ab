/* What has changed between two plans, and what a plan that falls short says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/plan_view.h"
#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

static struct query records(void)
{
    struct query query;
    query_init(&query);
    query.records = true;
    return query;
}

static struct plan *plan_of(const char *const *ids)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = records();
    for (size_t i = 0; ids[i] != NULL; i++)
        plan_world_record(builder, ids[i], NULL, 60);
    struct plan *plan = plan_world_make(store, &query);
    store_free(store);
    return plan;
}

static void test_changes(void **state)
{
    static const struct {
        const char *before[4], *after[4];
        const char *lines;
    } table[] = {
        {{NULL}, {NULL}, ""},
        {{"a", "b"}, {"b", "a"}, ""},
        {{"a", "b"}, {"b"}, "  no longer: record default RUN a: 100 B\n"},
        {{"b"},
         {"a", "b", "c"},
         "  new: record default RUN a: 100 B\n  new: record default RUN c: 100 B\n"},
        {{"a"},
         {"b"},
         "  no longer: record default RUN a: 100 B\n  new: record default RUN b: 100 B\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct plan *before = plan_of(table[i].before), *after = plan_of(table[i].after);
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        bool changed = plan_print_changes(before, after, out);
        fclose(out);
        assert_string_equal(text, table[i].lines);
        assert_int_equal(changed, table[i].lines[0] != '\0');
        free(text);
        plan_free(before);
        plan_free(after);
    }
}

static void test_other_bytes_are_a_change(void **state)
{
    static const char *const ids[] = {"a", NULL};
    struct plan *before = plan_of(ids), *after = plan_of(ids);
    char *text = NULL;
    size_t len = 0;
    (void)state;
    after->items[0].frees_bytes = 50;
    FILE *out = open_memstream(&text, &len);
    assert_true(plan_print_changes(before, after, out));
    fclose(out);
    assert_string_equal(text, "  now gives back other bytes: record default RUN a: 50 B\n");
    free(text);
    plan_free(before);
    plan_free(after);
}

static void test_a_shortage_is_told(void **state)
{
    static const char *const ids[] = {"a", NULL};
    char *text = NULL;
    size_t len = 0;
    (void)state;
    for (int wanted = 0; wanted <= 1000; wanted += 100) {
        struct plan *plan = plan_of(ids);
        plan->wanted_bytes = wanted;
        FILE *out = open_memstream(&text, &len);
        plan_print(plan, out);
        fclose(out);
        assert_int_equal(strstr(text, "can't be reached") != NULL, wanted > 100);
        if (wanted == 1000)
            assert_non_null(strstr(text, "1.00 kB can't be reached: 900 B are missing."));
        free(text);
        plan_free(plan);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_other_bytes_are_a_change),
        cmocka_unit_test(test_a_shortage_is_told),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan view", tests, NULL, NULL);
}
