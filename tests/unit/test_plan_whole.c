/* Cache directories that go as a whole, and those that never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void test_whole_directory(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_whole();
    (void)state;
    struct cache *cache = plan_world_usual_cache(store, "api");
    plan_world_usual_cache(store, "web");
    const char *names[] = {"api"};
    query.services = names;
    query.services_len = 1;
    query.garbage = true; /* covered by the whole: not listed twice */
    struct plan *plan = plan_world_make(store, &query);
    plan_world_expect(plan, (const char *[]){"/root/api"}, 1);
    const struct plan_item *item = &plan->items[0];
    assert_int_equal(item->kind, ITEM_SERVICE);
    assert_int_equal(item->size_bytes, cache->size_bytes);
    assert_int_equal(item->frees_bytes, cache->size_bytes);
    assert_int_equal(item->dev, cache->dev);
    assert_int_equal(item->ino, cache->ino);
    assert_non_null(strstr(item->loses, "the next build of api starts"));
    assert_string_equal(plan->caches[item->cache].root, "/root");
    assert_string_equal(plan->caches[item->cache].name, "api");
    plan_free(plan);
    store_free(store);
}

static void test_whole_by_age(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_whole();
    (void)state;
    plan_world_usual_cache(store, "young");
    plan_world_usual_cache(store, "old")->last_export_at = PLAN_AGO(10 * PLAN_DAY);
    plan_world_usual_cache(store, "never")->last_export_at = 0;
    query.older_than_s = 7 * PLAN_DAY;
    struct plan *plan = plan_world_make(store, &query);
    plan_world_expect(plan, (const char *[]){"/root/old"}, 1);
    assert_int_equal(plan->items[0].age_s, 10 * PLAN_DAY);
    assert_string_equal(plan->items[0].reason, "last export 10 d ago");
    plan_free(plan);
    query.garbage = true; /* of the young ones, what is that old */
    query.older_than_s = 49 * PLAN_HOUR;
    plan = plan_world_make(store, &query);
    assert_non_null(plan_world_item(plan, "/root/old"));
    assert_int_equal(plan->items_len, 3);
    plan_free(plan);
    store_free(store);
}

static void test_what_is_not_ours_or_not_there(void **state)
{
    static const struct {
        enum cache_state state;
        const char *reason; /* NULL: not even mentioned */
        bool busy;
    } table[] = {
        {CACHE_FOREIGN, "permission denied", false},
        {CACHE_UNREADABLE, "permission denied", false},
        {CACHE_BUSY, "ingest", true},
        {CACHE_MISSING, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        struct store *store = store_new();
        struct query query = plan_world_whole();
        struct cache *cache = plan_world_usual_cache(store, "api");
        cache->state = table[i].state;
        if (table[i].state == CACHE_UNREADABLE)
            cache->error = mem_strdup("permission denied");
        cache->busy_sign = mem_strdup("ingest is being written");
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, 0);
        assert_int_equal(plan->kept_len, table[i].reason != NULL);
        if (table[i].reason != NULL) {
            assert_non_null(strstr(plan->kept[0].reason, table[i].reason));
            assert_int_equal(plan->kept[0].busy, table[i].busy);
        }
        plan_free(plan);
        store_free(store);
    }
}

static void test_a_directory_with_other_files_in_it_stays(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_whole();
    (void)state;
    struct cache *cache = plan_world_usual_cache(store, "api");
    plan_world_leftover(cache, LEFTOVER_OTHER, "blobs/sha256/odd", 10, PLAN_DAY);
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1); /* what lies among its blobs is the cache's */
    plan_free(plan);
    plan_world_leftover(cache, LEFTOVER_OTHER, "blobs/sha512", 10, PLAN_DAY);
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_non_null(strstr(plan->kept[0].reason, "blobs/sha512"));
    plan_free(plan);
    free(cache->leftovers[--cache->leftovers_len].name);
    plan_world_leftover(cache, LEFTOVER_OTHER, "thesis.txt", 10, PLAN_DAY);
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_non_null(strstr(plan->kept[0].reason, "thesis.txt"));
    assert_false(plan->kept[0].busy);
    plan_free(plan);
    store_free(store);
}

static void test_an_empty_directory_goes_and_loses_nothing(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_whole();
    (void)state;
    struct cache *cache = plan_world_cache(store, "api");
    cache->state = CACHE_EMPTY;
    cache->last_export_at = 0;
    cache->size_bytes = cache->other_bytes = 4096;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1);
    assert_null(plan->items[0].loses);
    assert_int_equal(plan->items[0].frees_bytes, 4096);
    plan_free(plan);
    query.older_than_s = 0; /* nothing tells its age */
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->kept_len, 1);
    plan_free(plan);
    store_free(store);
}

/* Each with a whole cache that is old, large, and not in the project. */
static void ask(struct query *query, int how, const char *const *names)
{
    *query = plan_world_whole();
    query->garbage = how != 0;
    query->older_than_s = how == 1 ? PLAN_HOUR / 2 : -1;
    query->larger_than_bytes = how == 2 ? 1 : 0;
    query->free_bytes = how == 3 ? 1 : 0;
    query->services = names;
    query->services_len = names != NULL;
}

static void nothing_automatic_takes_a_broken_cache(void **state)
{
    static const char *const names[] = {"api"};
    (void)state;
    for (int how = 0; how < 4; how++) {
        for (int named = 0; named < 2; named++) {
            struct store *store = store_new();
            struct cache *cache = plan_world_usual_cache(store, "api");
            struct query query;
            store_put_service(store, "/root/api")->in_project = false;
            cache->state = CACHE_BROKEN;
            ask(&query, how, named ? names : NULL);
            struct plan *plan = plan_world_make(store, &query);
            bool asked_for = named || how == 0; /* by its name, or with all there is */
            assert_int_equal(asked_for, plan->items_len > 0);
            if (!asked_for) {
                assert_non_null(strstr(plan_world_kept(plan, "/root/api")->reason, "broken"));
            }
            plan_free(plan);
            store_free(store);
        }
    }
}

/* Not even by its name, and no part of it. */
static void what_is_not_surely_a_cache_is_never_planned(void **state)
{
    static const struct {
        enum cache_state state;
        bool unproven;
    } table[] = {
        {CACHE_FOREIGN, false}, {CACHE_UNREADABLE, false}, {CACHE_UNREADABLE, true},
        {CACHE_BROKEN, true},   {CACHE_BUSY, true},
    };
    static const char *const names[] = {"api"};
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        for (int how = 0; how < 8; how++) {
            struct store *store = store_new();
            struct cache *cache = plan_world_usual_cache(store, "api");
            struct query query;
            cache->state = table[i].state;
            cache->unproven = table[i].unproven;
            ask(&query, how / 2, how % 2 ? names : NULL);
            query.now = true;
            struct plan *plan = plan_world_make(store, &query);
            assert_int_equal(0, plan->items_len);
            assert_true(plan->kept_len > 0);
            plan_free(plan);
            store_free(store);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_directory),
        cmocka_unit_test(test_whole_by_age),
        cmocka_unit_test(test_what_is_not_ours_or_not_there),
        cmocka_unit_test(test_a_directory_with_other_files_in_it_stays),
        cmocka_unit_test(test_an_empty_directory_goes_and_loses_nothing),
        cmocka_unit_test(nothing_automatic_takes_a_broken_cache),
        cmocka_unit_test(what_is_not_surely_a_cache_is_never_planned),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan of caches", tests, NULL, NULL);
}
