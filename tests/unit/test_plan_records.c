/* Records: leaf first, and what is pinned by what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"
#include "core/store/leaks.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

static void test_children_come_before_their_parents(void **state)
{
    struct store *store = plan_world_chain(10, PLAN_DAY, PLAN_DAY);
    struct query query = plan_world_records(-1);
    char id[16];
    (void)state;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 10);
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof id, "r%d", 9 - i);
        assert_string_equal(plan->items[i].id, id);
    }
    assert_int_equal(plan->planned_bytes, 1000);
    plan_free(plan);
    store_free(store);
}

static void test_a_young_leaf_pins_the_whole_chain(void **state)
{
    struct store *store = plan_world_chain(10, 3 * PLAN_DAY, 3 * PLAN_HOUR);
    struct query query = plan_world_records(PLAN_DAY);
    (void)state;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->planned_bytes, 0);
    assert_int_equal(plan->kept_len, 9); /* the leaf itself was not asked for */
    for (size_t i = 0; i < plan->kept_len; i++)
        assert_string_equal(plan->kept[i].reason, "pinned by RUN r9, used 3 h ago");
    plan_free(plan);
    store_free(store);
}

static void test_in_use_pins_and_is_told_apart(void **state)
{
    static const char *const reasons[] = {"a failed build leaked it", "in use by a build"};
    (void)state;
    for (int building = 0; building < 2; building++) {
        struct store *store = plan_world_chain(3, PLAN_DAY, -1);
        struct builder *builder = store_put_builder(store, "default");
        builder->records.items[2].in_use = true;
        if (building) {
            struct record *source = plan_world_record(builder, "src", NULL, -1);
            mem_replace(&source->type, "source.local");
            source->in_use = true;
        }
        struct query query = plan_world_records(-1);
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, 0);
        assert_non_null(strstr(plan_world_kept(plan, "r2")->reason, reasons[building]));
        assert_string_equal(plan_world_kept(plan, "r0")->reason, "pinned by RUN r2, in use");
        assert_false(plan_world_kept(plan, "r2")->busy);
        plan_free(plan);
        store_free(store);
    }
}

static void test_what_is_a_sign_of_a_build(void **state)
{
    static const struct {
        const char *type, *description;
        int used_s; /* -1: never */
        bool in_use, sign;
    } table[] = {
        {"source.local", "local source for context", -1, true, true},
        {"regular", "local source for context", -1, true, true}, /* as 26.1 lists it */
        {"regular", "local source for dockerfile", -1, true, true},
        {"source.git.checkout", "git snapshot for https://x#main", -1, true, true},
        {"regular", "local source for context", -1, false, false},
        {"source.local", "local source for context", 5, true, false},
        {"regular", "imported sha256:0123", -1, true, false}, /* leaked */
        {"regular", "mount / from exec make", -1, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct store *store = store_new();
        struct builder *builder = plan_world_builder(store, "default");
        struct record *record = plan_world_record(builder, "x", NULL, table[i].used_s);
        mem_replace(&record->type, table[i].type);
        mem_replace(&record->description, table[i].description);
        record->in_use = table[i].in_use;
        char *sign = leaks_build_sign(store);
        assert_int_equal(sign != NULL, table[i].sign);
        free(sign);
        builder->reachable = false; /* what it said before it went is no sign */
        assert_null(leaks_build_sign(store));
        store_free(store);
    }
}

static void test_siblings_pin_only_what_they_share(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = plan_world_records(PLAN_DAY);
    (void)state;
    plan_world_record(builder, "base", NULL, 2 * PLAN_DAY);
    plan_world_record(builder, "old", "base", 2 * PLAN_DAY);
    plan_world_record(builder, "young", "base", 60);
    plan_world_record(builder, "lone", "not-listed", 2 * PLAN_DAY);
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 2);
    assert_non_null(plan_world_item(plan, "old"));
    assert_non_null(plan_world_item(plan, "lone"));
    assert_non_null(plan_world_kept(plan, "base"));
    plan_free(plan);
    store_free(store);
}

static void test_several_parents(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = plan_world_records(-1);
    (void)state;
    plan_world_record(builder, "a", NULL, 5);
    plan_world_record(builder, "b", NULL, 5);
    struct record *merge = plan_world_record(builder, "merge", "a", 5);
    merge->parents = mem_realloc(merge->parents, 3 * sizeof(char *));
    merge->parents[1] = mem_strdup("b");
    merge->parents[2] = mem_strdup("b"); /* named twice */
    merge->parents_len = 3;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 3);
    assert_string_equal(plan->items[0].id, "merge");
    plan_drop(plan, 0);
    assert_int_equal(plan->items_len, 0); /* neither parent can go without it */
    assert_int_equal(plan->kept_len, 3);
    assert_non_null(strstr(plan_world_kept(plan, "b")->reason, "RUN merge"));
    plan_free(plan);
    store_free(store);
}

static void test_cycles_and_selves_end(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = plan_world_records(-1);
    (void)state;
    plan_world_record(builder, "a", "b", 5);
    plan_world_record(builder, "b", "a", 5);
    plan_world_record(builder, "self", "self", 5);
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1); /* no order works for the circle */
    assert_string_equal(plan->items[0].id, "self");
    plan_free(plan);
    store_free(store);
}

static void test_dropping_in_the_middle_of_a_chain(void **state)
{
    struct store *store = plan_world_chain(5, 5, 5);
    struct query query = plan_world_records(-1);
    (void)state;
    struct plan *plan = plan_world_make(store, &query);
    plan_drop(plan, 2); /* r2: r1 and r0 are its parents */
    assert_int_equal(plan->items_len, 2);
    assert_non_null(plan_world_item(plan, "r4"));
    assert_non_null(plan_world_item(plan, "r3"));
    assert_int_equal(plan->planned_bytes, 200);
    assert_string_equal(plan_world_kept(plan, "r2")->reason, "taken out of the plan");
    assert_string_equal(plan_world_kept(plan, "r0")->reason,
                        "pinned by RUN r2, which was taken out");
    plan_free(plan);
    store_free(store);
}

static void test_dropping_works_in_any_order_of_items(void **state)
{
    struct store *store = plan_world_chain(4, 5, 5);
    struct query query = plan_world_records(-1);
    (void)state;
    struct plan *plan = plan_world_make(store, &query);
    for (size_t i = 0; i < 2; i++) { /* as a view may sort it */
        struct plan_item item = plan->items[i];
        plan->items[i] = plan->items[3 - i];
        plan->items[3 - i] = item;
    }
    plan_drop(plan, 3); /* the leaf */
    assert_int_equal(plan->items_len, 0);
    plan_free(plan);
    store_free(store);
}

static void test_many_records_are_quick(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = plan_world_records(-1);
    (void)state;
    /* One long chain: the worst for whoever looks ids up one by one. */
    struct records *list = &builder->records;
    list->len = 30000;
    list->items = mem_zalloc(list->len * sizeof *list->items);
    for (size_t i = 0; i < list->len; i++) {
        struct record *record = &list->items[i];
        record->id = mem_printf("record%zu", i);
        record->type = mem_strdup("regular");
        record->description = mem_strdup("RUN x");
        if (i > 0) {
            record->parents = mem_alloc(sizeof *record->parents);
            record->parents[record->parents_len++] = mem_printf("record%zu", i - 1);
        }
    }
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, list->len);
    plan_drop(plan, 0);
    assert_int_equal(plan->items_len, 0);
    plan_free(plan);
    store_free(store);
}

/* What was left out of one plan is found in the next one. */
static void test_items_are_found_again(void **state)
{
    struct store *store = plan_world_chain(3, PLAN_DAY, PLAN_DAY);
    struct query query = plan_world_records(-1);
    (void)state;
    struct plan *before = plan_world_make(store, &query), *after = plan_world_make(store, &query);
    struct plan_changes changes = plan_compare(before, after);
    assert_false(plan_has_changed(&changes));
    plan_changes_done(&changes);
    size_t found = plan_find(after, &before->items[1]);
    assert_string_equal(after->items[found].id, "r1");
    plan_drop(after, found); /* and its parent r0 */
    assert_int_equal(after->items_len, 1);
    assert_int_equal(plan_find(after, &before->items[1]), SIZE_MAX);
    plan_drop(after, SIZE_MAX); /* nothing */
    after->items[0].frees_bytes++;
    changes = plan_compare(before, after);
    assert_true(plan_has_changed(&changes));
    assert_int_equal(changes.gone_len, 2);
    assert_int_equal(changes.new_len, 0);
    assert_int_equal(changes.bytes_len, 1);
    assert_int_equal(changes.items[0], CHANGE_BYTES);
    plan_changes_done(&changes);
    changes = plan_compare(after, before);
    assert_int_equal(changes.new_len, 2);
    plan_changes_done(&changes);
    plan_free(before);
    plan_free(after);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_come_before_their_parents),
        cmocka_unit_test(test_a_young_leaf_pins_the_whole_chain),
        cmocka_unit_test(test_in_use_pins_and_is_told_apart),
        cmocka_unit_test(test_what_is_a_sign_of_a_build),
        cmocka_unit_test(test_siblings_pin_only_what_they_share),
        cmocka_unit_test(test_several_parents),
        cmocka_unit_test(test_cycles_and_selves_end),
        cmocka_unit_test(test_dropping_in_the_middle_of_a_chain),
        cmocka_unit_test(test_dropping_works_in_any_order_of_items),
        cmocka_unit_test(test_items_are_found_again),
        cmocka_unit_test(test_many_records_are_quick),
    };
    limit_program(60);
    return cmocka_run_group_tests_name("plan of records", tests, NULL, NULL);
}
