/* The bytes that a plan promises, and what dropping an item does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

/* Blobs 1 and 2 of 1,000 bytes; both orphans; 2 is a file with so many links. */
static struct cache *linked_cache(struct store *store, const char *name, uint32_t nlink)
{
    struct cache *cache = plan_world_cache(store, name);
    plan_world_blob(cache, 1, 1000, PLAN_DAY)->ino = cache->ino + 5000;
    plan_world_blob(cache, 2, 1000, PLAN_DAY)->nlink = nlink;
    plan_world_sum(cache);
    return cache;
}

static struct plan *make(const struct store *store, bool whole, const char *const *services,
                         size_t len)
{
    struct query query;
    query_init(&query);
    query.whole = query.all = whole;
    query.garbage = !whole;
    query.services = services;
    query.services_len = len;
    return plan_world_make(store, &query);
}

static int64_t sum(const struct plan *plan)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        bytes += plan->items[i].frees_bytes;
    return bytes;
}

static void test_an_inode_is_free_when_its_last_link_goes(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct store *store = store_new();
        linked_cache(store, "a", 2);
        linked_cache(store, "b", 2);
        struct plan *one = make(store, whole, (const char *[]){"a"}, 1);
        assert_int_equal(one->planned_bytes, 1000); /* the other link stays */
        plan_free(one);
        struct plan *both = make(store, whole, (const char *[]){"a", "b"}, 2);
        assert_int_equal(both->planned_bytes, 3000);
        assert_int_equal(sum(both), 3000);
        plan_drop(both, 0);
        assert_int_equal(both->planned_bytes, whole ? 1000 : 2000);
        plan_free(both);
        store_free(store);
    }
}

static void test_a_third_link_elsewhere_keeps_the_bytes(void **state)
{
    struct store *store = store_new();
    (void)state;
    linked_cache(store, "a", 3);
    linked_cache(store, "b", 3);
    struct plan *plan = make(store, true, NULL, 0);
    assert_int_equal(plan->planned_bytes, 2000);
    plan_free(plan);
    store_free(store);
}

static void test_links_in_different_kinds_of_items(void **state)
{
    struct store *store = store_new();
    struct query query;
    (void)state;
    /* b is old enough to go whole; of a only the orphans go. */
    linked_cache(store, "a", 2);
    linked_cache(store, "b", 2)->last_export_at = PLAN_AGO(9 * PLAN_DAY);
    query_init(&query);
    query.whole = query.all = query.garbage = true;
    query.older_than_s = PLAN_DAY;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 3);
    assert_int_equal(plan->planned_bytes, 3000);
    plan_free(plan);
    store_free(store);
}

static void test_same_inode_number_on_another_file_system(void **state)
{
    struct store *store = store_new();
    (void)state;
    linked_cache(store, "a", 2);
    linked_cache(store, "b", 2)->dev = 8;
    struct plan *plan = make(store, false, NULL, 0);
    assert_int_equal(plan->planned_bytes, 2000);
    plan_free(plan);
    store_free(store);
}

static void test_two_names_in_one_directory_are_its_own(void **state)
{
    struct store *store = store_new();
    (void)state;
    struct cache *cache = plan_world_cache(store, "a");
    plan_world_blob(cache, 1, 1000, PLAN_DAY)->nlink = 2;
    plan_world_blob(cache, 2, 1000, PLAN_DAY)->nlink = 2;
    cache->blobs[1].ino = cache->blobs[0].ino;
    cache->size_bytes = 1000; /* links once, and none of them outside */
    cache->orphan_bytes = 1000;
    struct plan *plan = make(store, true, NULL, 0);
    assert_int_equal(plan->planned_bytes, 1000);
    plan_free(plan);
    plan = make(store, false, NULL, 0);
    assert_int_equal(plan->planned_bytes, 1000);
    assert_int_equal(plan->items_len, 2);
    plan_drop(plan, 1);
    assert_int_equal(plan->planned_bytes, 0);
    plan_free(plan);
    store_free(store);
}

static struct store *three_generations(void)
{
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "api");
    for (int i = 1; i <= 5; i++)
        plan_world_blob(cache, i, 1000, PLAN_DAY);
    plan_world_generation(cache, true, 60, (int[]){1, 2, 0});
    plan_world_generation(cache, false, 120, (int[]){3, 2, 5, 0});
    plan_world_generation(cache, false, 180, (int[]){4, 5, 0});
    plan_world_sum(cache);
    return store;
}

static void test_dropping_a_generation_holds_what_it_shares(void **state)
{
    struct store *store = three_generations();
    (void)state;
    struct plan *plan = make(store, false, NULL, 0);
    assert_int_equal(plan->planned_bytes, 3000);
    plan_drop(plan, 0);
    assert_int_equal(plan->items_len, 1);
    assert_int_equal(plan->planned_bytes, 1000);
    assert_int_equal(plan->kept_len, 1);
    assert_non_null(plan_world_kept(plan, plan_world_digest(3)));
    plan_drop(plan, 7); /* not there: nothing happens */
    plan_drop(plan, 0);
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->planned_bytes, 0);
    plan_free(plan);
    store_free(store);
}

/* The promise, worked out anew by removing links one by one. */
static void test_random_links_against_a_slow_count(void **state)
{
    unsigned seed = 1;
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct store *store = store_new();
        int links[8] = {0}, total[8];
        for (int i = 0; i < 8; i++) {
            seed = seed * 1664525u + 1013904223u;
            total[i] = 1 + (int)(seed >> 20) % 4;
        }
        char name[2] = "a";
        for (; name[0] <= 'd'; name[0]++) {
            struct cache *cache = plan_world_cache(store, name);
            for (int i = 0; i < 8; i++) {
                seed = seed * 1664525u + 1013904223u;
                if ((seed >> 24) % 2 == 0 || links[i] == total[i])
                    continue;
                links[i]++;
                plan_world_blob(cache, i + 1, 1000 << i, PLAN_DAY)->nlink = (uint32_t)total[i];
            }
            plan_world_sum(cache);
        }
        int64_t expected = 0;
        for (int i = 0; i < 8; i++)
            expected += links[i] == total[i] ? 1000 << i : 0;
        for (int whole = 0; whole < 2; whole++) {
            struct plan *plan = make(store, whole, NULL, 0);
            assert_int_equal(plan->planned_bytes, expected);
            assert_int_equal(sum(plan), expected);
            plan_free(plan);
        }
        store_free(store);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_inode_is_free_when_its_last_link_goes),
        cmocka_unit_test(test_a_third_link_elsewhere_keeps_the_bytes),
        cmocka_unit_test(test_links_in_different_kinds_of_items),
        cmocka_unit_test(test_same_inode_number_on_another_file_system),
        cmocka_unit_test(test_two_names_in_one_directory_are_its_own),
        cmocka_unit_test(test_dropping_a_generation_holds_what_it_shares),
        cmocka_unit_test(test_random_links_against_a_slow_count),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan's bytes", tests, NULL, NULL);
}
