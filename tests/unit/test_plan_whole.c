/* Cache directories that go as a whole, and those that never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
    plan_world_leftover(cache, LEFTOVER_OTHER, "blobs/odd", 10, PLAN_DAY);
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1); /* what lies below blobs is the cache's */
    plan_free(plan);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_directory),
        cmocka_unit_test(test_whole_by_age),
        cmocka_unit_test(test_what_is_not_ours_or_not_there),
        cmocka_unit_test(test_a_directory_with_other_files_in_it_stays),
        cmocka_unit_test(test_an_empty_directory_goes_and_loses_nothing),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan of caches", tests, NULL, NULL);
}
