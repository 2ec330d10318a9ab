/* What of the cache directories a plan takes, what it keeps, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void expect_numbers(const struct plan *plan, const int *numbers)
{
    size_t len = 0;
    for (; numbers[len] != 0; len++)
        if (plan_world_item(plan, plan_world_digest(numbers[len])) == NULL)
            fail_msg("%d is not in the plan", numbers[len]);
    assert_int_equal(plan->items_len, len);
}

static void test_garbage_is_all_that_no_live_generation_reaches(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_garbage();
    (void)state;
    plan_world_usual_cache(store, "api");
    struct plan *plan = plan_world_make(store, &query);
    const char *ids[] = {"ingest/abc", NULL, NULL, NULL};
    for (int i = 0; i < 3; i++)
        ids[i + 1] = mem_strdup(plan_world_digest((int[]){4, 6, 8}[i]));
    plan_world_expect(plan, ids, 4);
    for (int i = 1; i < 4; i++)
        free((char *)ids[i]);
    /* 4, 5, 6, 7 of the generations, 8 the orphan, the ingest: not 2. */
    assert_int_equal(plan->planned_bytes, 4000 + 5000 + 6000 + 7000 + 8000 + 500);
    const struct plan_item *back = plan_world_item(plan, plan_world_digest(4));
    assert_int_equal(back->kind, ITEM_GENERATION);
    assert_string_equal(back->service, "api");
    assert_string_equal(back->service_id, "/root/api");
    assert_string_equal(back->title, "1 generation back");
    assert_string_equal(back->reason, "superseded 1 h ago");
    assert_int_equal(back->age_s, 5 * PLAN_HOUR);
    assert_int_equal(back->frees_bytes, 4000); /* 5 is counted with the other one */
    assert_int_equal(plan_world_item(plan, plan_world_digest(6))->frees_bytes, 18000);
    assert_int_equal(plan->kept_len, 0);
    plan_free(plan);
    store_free(store);
}

static void test_no_live_blob_ever_goes(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_garbage();
    (void)state;
    struct cache *cache = plan_world_usual_cache(store, "api");
    struct plan *plan = plan_world_make(store, &query);
    bool *going = plan_going(plan);
    for (size_t i = 0; i < plan->links_len; i++) {
        uint32_t blob = cache_find_blob(cache, &plan->links[i].digest);
        assert_int_equal(going[i], cache->blobs[blob].class != BLOB_LIVE);
    }
    free(going);
    plan_free(plan);
    store_free(store);
}

struct by_age {
    int64_t older_than_s;
    int numbers[4];
};

static void test_garbage_by_age(void **state)
{
    static const struct by_age table[] = {
        {6 * PLAN_HOUR, {6, 8, 0}}, /* and the ingest */
        {30 * PLAN_HOUR, {6, 0}},   {49 * PLAN_HOUR, {6, 0}},
        {50 * PLAN_HOUR, {6, 0}},   {50 * PLAN_HOUR + 1, {0}},
    };
    struct store *store = store_new();
    (void)state;
    struct cache *cache = plan_world_usual_cache(store, "api");
    cache->leftovers_len = 0;
    free(cache->leftovers[0].name);
    for (size_t i = 0; i < LEN(table); i++) {
        struct query query = plan_world_garbage();
        query.older_than_s = table[i].older_than_s;
        struct plan *plan = plan_world_make(store, &query);
        expect_numbers(plan, table[i].numbers);
        plan_free(plan);
    }
    store_free(store);
}

static void test_keep_generations_counts_the_live_one_first(void **state)
{
    static const struct {
        int keep;
        int numbers[4];
    } table[] = {{1, {4, 6, 0}}, {2, {6, 0}}, {3, {0}}, {100, {0}}};
    struct store *store = store_new();
    (void)state;
    plan_world_usual_cache(store, "api");
    for (size_t i = 0; i < LEN(table); i++) {
        struct query query;
        query_init(&query);
        query.keep_generations = table[i].keep;
        struct plan *plan = plan_world_make(store, &query);
        expect_numbers(plan, table[i].numbers);
        plan_free(plan);
    }
    store_free(store);
}

static void test_garbage_but_keep_takes_orphans_too(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_garbage();
    (void)state;
    plan_world_usual_cache(store, "api");
    query.keep_generations = 2;
    struct plan *plan = plan_world_make(store, &query);
    assert_non_null(plan_world_item(plan, plan_world_digest(8)));
    assert_non_null(plan_world_item(plan, "ingest/abc"));
    assert_non_null(plan_world_item(plan, plan_world_digest(6)));
    assert_null(plan_world_item(plan, plan_world_digest(4)));
    /* 5 is reached by the kept one too. */
    assert_int_equal(plan->planned_bytes, 6000 + 7000 + 8000 + 500);
    plan_free(plan);
    store_free(store);
}

static void test_the_fuller_one_before_a_shrunken_export_is_kept(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_garbage();
    (void)state;
    struct cache *cache = plan_world_usual_cache(store, "api");
    cache->generations[0].shrunken = cache->generations[1].fuller = true;
    struct plan *plan = plan_world_make(store, &query);
    assert_null(plan_world_item(plan, plan_world_digest(4)));
    const struct plan_kept *kept = plan_world_kept(plan, plan_world_digest(4));
    assert_non_null(strstr(kept->reason, "shrunken"));
    assert_false(kept->busy);
    /* What the kept one reaches stays, also as part of the one that goes. */
    assert_int_equal(plan_world_item(plan, plan_world_digest(6))->frees_bytes, 13000);
    plan_free(plan);
    store_free(store);
}

static void test_without_a_live_one_the_newest_whole_is_kept(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_garbage();
    (void)state;
    struct cache *cache = plan_world_cache(store, "api");
    for (int i = 1; i <= 4; i++)
        plan_world_blob(cache, i, 1000, PLAN_DAY);
    plan_world_generation(cache, false, PLAN_HOUR, (int[]){1, 2, 0});
    plan_world_generation(cache, false, PLAN_DAY, (int[]){3, 2, 0});
    plan_world_sum(cache);
    struct plan *plan = plan_world_make(store, &query);
    expect_numbers(plan, (int[]){3, 4, 0});
    assert_non_null(plan_world_kept(plan, plan_world_digest(1)));
    plan_free(plan);
    cache->generations[0].whole = false;
    plan = plan_world_make(store, &query);
    expect_numbers(plan, (int[]){1, 3, 4, 0});
    plan_free(plan);
    store_free(store);
}

static void test_damaged_caches_keep_their_blobs(void **state)
{
    (void)state;
    for (int damage = 0; damage < 3; damage++) {
        struct store *store = store_new();
        struct query query = plan_world_garbage();
        struct cache *cache = plan_world_usual_cache(store, "api");
        if (damage == 0)
            cache->live_unknown = true;
        if (damage == 1)
            cache->generations[0].whole = false;
        if (damage == 2) {
            cache->problems = mem_zalloc(sizeof *cache->problems);
            cache->problems[0].kind = PROBLEM_MISSING;
            cache->problems_len = cache->problems_total = 1;
        }
        cache->state = CACHE_BROKEN;
        struct plan *plan = plan_world_make(store, &query);
        for (size_t i = 0; i < plan->items_len; i++)
            assert_int_equal(plan->items[i].kind, ITEM_INGEST);
        assert_int_equal(plan->items_len, damage == 0 ? 0 : 1);
        assert_non_null(strstr(plan_world_kept(plan, "/root/api")->reason, "damaged"));
        plan_free(plan);
        query = plan_world_whole(); /* which is the cure */
        plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, 1);
        plan_free(plan);
        store_free(store);
    }
}

static void test_young_ingest_is_kept(void **state)
{
    static const struct {
        int age_s;
        bool goes;
    } table[] = {{0, false}, {599, false}, {600, true}, {-60, false}};
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        struct store *store = store_new();
        struct query query = plan_world_garbage();
        struct cache *cache = plan_world_cache(store, "api");
        plan_world_leftover(cache, LEFTOVER_INGEST, "ingest/x", 10, table[i].age_s);
        plan_world_leftover(cache, LEFTOVER_OTHER, "mine.txt", 10, PLAN_DAY);
        plan_world_leftover(cache, LEFTOVER_ASIDE, ".bilge-aside", 10, PLAN_DAY);
        plan_world_leftover(cache, LEFTOVER_TEMPORARY, "index.json.lock", 10, PLAN_DAY);
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, table[i].goes);
        assert_int_equal(plan_world_kept(plan, "ingest/x") != NULL, !table[i].goes);
        plan_free(plan);
        store_free(store);
    }
}

enum sign { SIGN_SCAN, SIGN_OWN_BUILD, SIGN_CLIENT, SIGN_RECORD, SIGN_NONE };

static void give_sign(struct store *store, enum sign sign)
{
    struct service *row = store_put_service(store, "/root/api");
    if (sign == SIGN_SCAN)
        row->cache->state = CACHE_BUSY;
    if (sign == SIGN_OWN_BUILD)
        row->busy_sign = mem_strdup("bilge builds it now");
    if (sign == SIGN_CLIENT)
        store->building_client = mem_strdup("docker compose build (pid 1)");
    if (sign == SIGN_RECORD) {
        struct record *record =
            plan_world_record(plan_world_builder(store, "default"), "src", NULL, -1);
        mem_replace(&record->type, "source.local");
        record->in_use = true;
    }
}

static void test_every_sign_keeps_everything_unless_told(void **state)
{
    (void)state;
    for (enum sign sign = SIGN_SCAN; sign <= SIGN_NONE; sign++) {
        struct store *store = store_new();
        plan_world_usual_cache(store, "api");
        give_sign(store, sign);
        struct query queries[] = {plan_world_garbage(), plan_world_whole()};
        for (size_t i = 0; i < LEN(queries); i++) {
            struct plan *plan = plan_world_make(store, &queries[i]);
            assert_int_equal(plan->items_len > 0, sign == SIGN_NONE);
            assert_int_equal(plan->kept_len > 0 && plan->kept[0].busy, sign != SIGN_NONE);
            assert_false(plan->now);
            plan_free(plan);
            queries[i].now = true;
            plan = plan_world_make(store, &queries[i]);
            assert_true(plan->items_len > 0);
            assert_int_equal(plan->kept_len, 0);
            assert_true(plan->now);
            plan_free(plan);
        }
        store_free(store);
    }
}

static void test_a_busy_cache_without_garbage_is_not_mentioned(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_garbage();
    (void)state;
    struct cache *cache = plan_world_cache(store, "api");
    plan_world_blob(cache, 1, 1000, 60);
    plan_world_generation(cache, true, 30, (int[]){1, 0});
    plan_world_sum(cache);
    cache->state = CACHE_BUSY;
    cache->ingest_bytes = 4096; /* the empty directory */
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len + plan->kept_len, 0);
    plan_free(plan);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage_is_all_that_no_live_generation_reaches),
        cmocka_unit_test(test_no_live_blob_ever_goes),
        cmocka_unit_test(test_garbage_by_age),
        cmocka_unit_test(test_keep_generations_counts_the_live_one_first),
        cmocka_unit_test(test_garbage_but_keep_takes_orphans_too),
        cmocka_unit_test(test_the_fuller_one_before_a_shrunken_export_is_kept),
        cmocka_unit_test(test_without_a_live_one_the_newest_whole_is_kept),
        cmocka_unit_test(test_damaged_caches_keep_their_blobs),
        cmocka_unit_test(test_young_ingest_is_kept),
        cmocka_unit_test(test_every_sign_keeps_everything_unless_told),
        cmocka_unit_test(test_a_busy_cache_without_garbage_is_not_mentioned),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan of caches", tests, NULL, NULL);
}
