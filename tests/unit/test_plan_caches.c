/* What of the cache directories a plan takes, what it keeps, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Live {1,2,3}; one back {4,2,5}; two back {6,5,7}; orphan 8; an old ingest. */
static struct cache *usual_cache(struct store *store, const char *name)
{
    struct cache *cache = plan_world_cache(store, name);
    for (int i = 1; i <= 8; i++)
        plan_world_blob(cache, i, 1000 * i, PLAN_DAY);
    plan_world_generation(cache, true, PLAN_HOUR, (int[]){1, 2, 3, 0});
    plan_world_generation(cache, false, 5 * PLAN_HOUR, (int[]){4, 2, 5, 0});
    plan_world_generation(cache, false, 50 * PLAN_HOUR, (int[]){6, 5, 7, 0});
    plan_world_leftover(cache, LEFTOVER_INGEST, "ingest/abc", 500, 2 * PLAN_DAY);
    plan_world_sum(cache);
    return cache;
}

static struct query garbage(void)
{
    struct query query;
    query_init(&query);
    query.garbage = true;
    return query;
}

static struct query whole(void)
{
    struct query query;
    query_init(&query);
    query.whole = true;
    return query;
}

static void expect_ids(const struct plan *plan, const char *const *ids, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (plan_world_item(plan, ids[i]) == NULL)
            fail_msg("%s is not in the plan", ids[i]);
    assert_int_equal(plan->items_len, len);
}

static void expect_numbers(const struct plan *plan, const int *numbers)
{
    size_t len = 0;
    for (; numbers[len] != 0; len++)
        if (plan_world_item(plan, plan_world_digest(numbers[len])) == NULL)
            fail_msg("%d is not in the plan", numbers[len]);
    assert_int_equal(plan->items_len, len);
}

/* -------------------------------------------------------------------- garbage */

static void test_garbage_is_all_that_no_live_generation_reaches(void **state)
{
    struct store *store = store_new();
    struct query query = garbage();
    (void)state;
    usual_cache(store, "api");
    struct plan *plan = plan_world_make(store, &query);
    const char *ids[] = {"ingest/abc", NULL, NULL, NULL};
    for (int i = 0; i < 3; i++)
        ids[i + 1] = mem_strdup(plan_world_digest((int[]){4, 6, 8}[i]));
    expect_ids(plan, ids, 4);
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
    struct query query = garbage();
    (void)state;
    struct cache *cache = usual_cache(store, "api");
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
    struct cache *cache = usual_cache(store, "api");
    cache->leftovers_len = 0;
    free(cache->leftovers[0].name);
    for (size_t i = 0; i < LEN(table); i++) {
        struct query query = garbage();
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
    usual_cache(store, "api");
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
    struct query query = garbage();
    (void)state;
    usual_cache(store, "api");
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
    struct query query = garbage();
    (void)state;
    struct cache *cache = usual_cache(store, "api");
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
    struct query query = garbage();
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
        struct query query = garbage();
        struct cache *cache = usual_cache(store, "api");
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
        query = whole(); /* which is the cure */
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
        struct query query = garbage();
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

/* ------------------------------------------------------------------- whole */

static void test_whole_directory(void **state)
{
    struct store *store = store_new();
    struct query query = whole();
    (void)state;
    struct cache *cache = usual_cache(store, "api");
    usual_cache(store, "web");
    const char *names[] = {"api"};
    query.services = names;
    query.services_len = 1;
    query.garbage = true; /* covered by the whole: not listed twice */
    struct plan *plan = plan_world_make(store, &query);
    expect_ids(plan, (const char *[]){"/root/api"}, 1);
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
    struct query query = whole();
    (void)state;
    usual_cache(store, "young");
    usual_cache(store, "old")->last_export_at = PLAN_AGO(10 * PLAN_DAY);
    usual_cache(store, "never")->last_export_at = 0;
    store_put_service(store, "/root/old")->in_project = false;
    query.older_than_s = 7 * PLAN_DAY;
    struct plan *plan = plan_world_make(store, &query);
    expect_ids(plan, (const char *[]){"/root/old"}, 1);
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
        {CACHE_FOREIGN, "no OCI layout", false},
        {CACHE_UNREADABLE, "permission denied", false},
        {CACHE_BUSY, "ingest", true},
        {CACHE_MISSING, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        struct store *store = store_new();
        struct query query = whole();
        struct cache *cache = usual_cache(store, "api");
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
    struct query query = whole();
    (void)state;
    struct cache *cache = usual_cache(store, "api");
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
    struct query query = whole();
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

/* --------------------------------------------------------------------- busy */

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
        usual_cache(store, "api");
        give_sign(store, sign);
        struct query queries[] = {garbage(), whole()};
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
    struct query query = garbage();
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

/* ------------------------------------------------------------------- services */

static int try_services(const struct store *store, const char *const *names, size_t len,
                        struct plan **ret_plan, struct err *err)
{
    struct query query = whole();
    query.services = names;
    query.services_len = len;
    return plan_make(store, &query, PLAN_NOW, ret_plan, err);
}

static void rename_row(struct store *store, const char *id, const char *name, bool in_project)
{
    struct service *row = store_put_service(store, id);
    mem_replace(&row->name, name);
    row->in_project = in_project;
}

static void test_names_of_services(void **state)
{
    struct store *store = store_new();
    struct plan *plan = NULL;
    struct err err = {0};
    (void)state;
    usual_cache(store, "a");
    usual_cache(store, "b");
    usual_cache(store, "c");
    assert_int_equal(try_services(store, (const char *[]){"a", "nope"}, 2, &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "nope"));
    assert_null(plan);
    /* A service of the project may have several caches, all its own. */
    rename_row(store, "/root/a", "api", true);
    rename_row(store, "/root/b", "api", true);
    rename_row(store, "/root/c", "api", false);
    assert_int_equal(try_services(store, (const char *[]){"api"}, 1, &plan, &err), 0);
    expect_ids(plan, (const char *[]){"/root/a", "/root/b"}, 2);
    plan_free(plan);
    /* Strangers of one name: which of them is not for us to guess. */
    rename_row(store, "/root/a", "api", false);
    rename_row(store, "/root/b", "web", true);
    plan = NULL;
    assert_int_equal(try_services(store, (const char *[]){"api"}, 1, &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "/root/c"));
    assert_int_equal(try_services(store, (const char *[]){"/root/c"}, 1, &plan, &err), 0);
    expect_ids(plan, (const char *[]){"/root/c"}, 1);
    plan_free(plan);
    store_free(store);
}

static void test_a_shared_directory_goes_by_either_name(void **state)
{
    struct store *store = store_new();
    struct plan *plan = NULL;
    struct err err;
    (void)state;
    usual_cache(store, "api");
    struct service *other = store_put_service(store, "compose:web");
    other->name = mem_strdup("web");
    other->path = mem_strdup("/root/api");
    other->in_project = true;
    other->load = LOAD_DONE;
    struct service *owner = store_put_service(store, "/root/api");
    owner->same_path = mem_alloc(sizeof(char *));
    owner->same_path[owner->same_path_len++] = mem_strdup("web");
    assert_int_equal(try_services(store, (const char *[]){"web"}, 1, &plan, &err), 0);
    expect_ids(plan, (const char *[]){"/root/api"}, 1);
    assert_non_null(strstr(plan->items[0].loses, "api and web"));
    plan_free(plan);
    store_free(store);
}

static void test_named_ones_that_have_nothing_are_told(void **state)
{
    struct store *store = store_new();
    struct plan *plan = NULL;
    struct err err;
    (void)state;
    plan_world_cache(store, "api")->state = CACHE_MISSING;
    struct service *bare = store_put_service(store, "compose:web");
    bare->name = mem_strdup("web");
    bare->load = LOAD_DONE;
    assert_int_equal(try_services(store, (const char *[]){"api", "web"}, 2, &plan, &err), 0);
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->kept_len, 2);
    assert_non_null(plan_world_kept(plan, "compose:web"));
    plan_free(plan);
    store_free(store);
}

/* ------------------------------------------------------------------------ ids */

static struct plan *plan_ids(const struct store *store, const char *const *ids, size_t len)
{
    struct query query;
    query_init(&query);
    query.ids = ids;
    query.ids_len = len;
    return plan_world_make(store, &query);
}

static void test_digests_name_generations_and_orphans(void **state)
{
    struct store *store = store_new();
    char *manifest = mem_strdup(plan_world_digest(6)), *orphan = mem_strdup(plan_world_digest(8));
    (void)state;
    usual_cache(store, "api");
    struct plan *plan = plan_ids(store, (const char *[]){manifest, orphan + 7}, 2);
    expect_ids(plan, (const char *[]){manifest, orphan}, 2);
    assert_int_equal(plan->planned_bytes, 13000 + 8000); /* 5 stays with the other */
    plan_free(plan);
    free(manifest);
    free(orphan);
    store_free(store);
}

static void test_blobs_that_others_need_are_kept(void **state)
{
    static const struct {
        int number;
        const char *reason;
    } table[] = {{1, "live"}, {2, "live"}, {5, "generations"}};
    struct store *store = store_new();
    (void)state;
    usual_cache(store, "api");
    for (size_t i = 0; i < LEN(table); i++) {
        const char *id = plan_world_digest(table[i].number);
        struct plan *plan = plan_ids(store, &id, 1);
        assert_int_equal(plan->items_len, 0);
        assert_int_equal(plan->kept_len, 1);
        assert_non_null(strstr(plan->kept[0].reason, table[i].reason));
        plan_free(plan);
    }
    store_free(store);
}

static void test_ids_in_a_busy_or_damaged_cache_are_known(void **state)
{
    (void)state;
    for (int busy = 0; busy < 2; busy++) {
        struct store *store = store_new();
        struct cache *cache = usual_cache(store, "api");
        cache->state = busy ? CACHE_BUSY : CACHE_BROKEN;
        cache->live_unknown = !busy;
        for (int i = 0; i < 2; i++) {
            const char *id = plan_world_digest((int[]){6, 8}[i]);
            struct plan *plan = plan_ids(store, &id, 1);
            assert_int_equal(plan->items_len, 0);
            assert_int_equal(plan->kept_len, 1);
            assert_int_equal(plan->kept[0].busy, busy);
            plan_free(plan);
        }
        store_free(store);
    }
}

static void test_an_unknown_id_is_an_error(void **state)
{
    struct store *store = store_new();
    struct query query;
    struct plan *plan = NULL;
    struct err err = {0};
    const char *ids[] = {"0707070707070707"}; /* a prefix is no id */
    (void)state;
    usual_cache(store, "api");
    query_init(&query);
    query.ids = ids;
    query.ids_len = 1;
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, ids[0]));
    assert_null(plan);
    store_free(store);
}

/* ---------------------------------------------------------------- hostile text */

static void test_names_reach_people_clean(void **state)
{
    struct store *store = store_new();
    struct query query = whole();
    (void)state;
    usual_cache(store, "evil\x1b[2J");
    store_put_service(store, "/root/evil\x1b[2J");
    struct plan *plan = plan_world_make(store, &query);
    assert_null(strchr(plan->items[0].title, '\x1b'));
    assert_null(strchr(plan->items[0].loses, '\x1b'));
    assert_non_null(strchr(plan->items[0].service, '\x1b')); /* raw, as it is on disk */
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
        cmocka_unit_test(test_whole_directory),
        cmocka_unit_test(test_whole_by_age),
        cmocka_unit_test(test_what_is_not_ours_or_not_there),
        cmocka_unit_test(test_a_directory_with_other_files_in_it_stays),
        cmocka_unit_test(test_an_empty_directory_goes_and_loses_nothing),
        cmocka_unit_test(test_every_sign_keeps_everything_unless_told),
        cmocka_unit_test(test_a_busy_cache_without_garbage_is_not_mentioned),
        cmocka_unit_test(test_names_of_services),
        cmocka_unit_test(test_a_shared_directory_goes_by_either_name),
        cmocka_unit_test(test_named_ones_that_have_nothing_are_told),
        cmocka_unit_test(test_digests_name_generations_and_orphans),
        cmocka_unit_test(test_blobs_that_others_need_are_kept),
        cmocka_unit_test(test_ids_in_a_busy_or_damaged_cache_are_known),
        cmocka_unit_test(test_an_unknown_id_is_an_error),
        cmocka_unit_test(test_names_reach_people_clean),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan of caches", tests, NULL, NULL);
}
