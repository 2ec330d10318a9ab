/* Whose a cache directory is decides whether it goes without being named. */
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
#define MANY_BYTES (INT64_MAX / 4)

enum where { MINE, OUTSIDE, OF_ANOTHER };

/* A cache "c" with garbage, last written so many days ago. */
static struct store *world(enum where where, bool project, int age_days)
{
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "c");
    for (int i = 1; i <= 3; i++)
        plan_world_blob(cache, i, 1000 * i, age_days * PLAN_DAY);
    plan_world_generation(cache, true, age_days * PLAN_DAY, (int[]){1, 2, 0});
    cache->last_export_at = PLAN_AGO(age_days * PLAN_DAY);
    plan_world_sum(cache);
    store_put_service(store, "/root/c")->in_project = where == MINE && project;
    if (project)
        store->project = mem_zalloc(sizeof *store->project);
    struct known_cache *known = mem_zalloc(sizeof *known);
    *known = (struct known_cache){.path = mem_strdup(where == OF_ANOTHER ? "/root/c" : "/root/x"),
                                  .project = mem_strdup("shop"),
                                  .file = mem_strdup("/home/u/shop/compose.yml")};
    store_set_known(store, known, 1, NULL);
    return store;
}

enum ask { FREE, FREE_LIVE, AGE, AGE_LIVE, LARGER, NAME, ALL };

static struct query query_for(enum ask ask)
{
    static const char *const names[] = {"c"};
    struct query query;
    query_init(&query);
    query.whole = query.garbage = true;
    query.live = ask == FREE_LIVE || ask == AGE_LIVE;
    query.all = ask == ALL;
    query.older_than_s = ask == AGE || ask == AGE_LIVE ? 0 : -1;
    query.larger_than_bytes = ask == LARGER ? 1 : 0;
    query.free_bytes = ask == FREE || ask == FREE_LIVE ? MANY_BYTES : 0;
    if (ask == NAME) {
        query.services = names;
        query.services_len = 1;
    }
    return query;
}

/* Of a cache that does not go, the reason, and its garbage goes all the same. */
static void expect(const struct store *store, enum ask ask, const char *reason)
{
    struct query query = query_for(ask);
    struct plan *plan = plan_world_make(store, &query);
    const struct plan_item *item = plan_world_item(plan, "/root/c");
    if (reason == NULL && item == NULL)
        fail_msg("%d: kept: %s", ask, plan->kept_len > 0 ? plan->kept[0].reason : "nothing");
    if (reason != NULL) {
        const struct plan_kept *kept = plan_world_kept(plan, "/root/c");
        assert_null(item);
        assert_non_null(kept);
        if (strstr(kept->reason, reason) == NULL)
            fail_msg("%d: \"%s\" is not in \"%s\"", ask, reason, kept->reason);
        assert_false(kept->busy);
        plan_world_expect(plan, (const char *[]){plan_world_digest(3)}, 1);
    }
    plan_free(plan);
}

static void test_what_goes_without_being_named(void **state)
{
    static const struct {
        enum where where;
        bool project;
        int age_days;
        const char *free, *free_live, *age, *age_live, *larger; /* NULL: it goes */
    } table[] = {
        {MINE, true, 0, "current cache", NULL, "current cache", NULL, "current cache"},
        {MINE, true, 40, "current cache", NULL, "current cache", NULL, "current cache"},
        {OUTSIDE, true, 3, "not in this project; last export 3 d", "not in this", "not in this",
         "not in this", "not in this"},
        {OUTSIDE, true, 29, "not in this", "not in this", "not in this", "not in this",
         "not in this"},
        {OUTSIDE, true, 31, NULL, NULL, NULL, NULL, NULL},
        {OF_ANOTHER, true, 400, "project shop uses it (/home/u/shop/compose.yml)", "shop", "shop",
         "shop", "shop"},
        {OUTSIDE, false, 29, "no project is loaded", "no project is", "no project is",
         "no project is", "no project is"},
        {OUTSIDE, false, 31, NULL, NULL, NULL, NULL, NULL},
        {OF_ANOTHER, false, 400, "project shop uses it", "shop", "shop", "shop", "shop"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        struct store *store = world(table[i].where, table[i].project, table[i].age_days);
        expect(store, FREE, table[i].free);
        expect(store, FREE_LIVE, table[i].free_live);
        expect(store, AGE, table[i].age);
        expect(store, AGE_LIVE, table[i].age_live);
        expect(store, LARGER, table[i].larger);
        expect(store, NAME, NULL);
        expect(store, ALL, NULL);
        store_free(store);
    }
}

static void test_the_age_of_the_abandoned_is_settable(void **state)
{
    struct store *store = world(OUTSIDE, true, 3);
    (void)state;
    store->abandoned_after_s = 3 * PLAN_DAY + 1;
    expect(store, FREE, "not in this project");
    store->abandoned_after_s = 3 * PLAN_DAY;
    expect(store, FREE, NULL);
    store_free(store);
}

/* An export that fails again and again leaves no newer index.json. */
static void test_what_was_written_to_lately_is_not_abandoned(void **state)
{
    struct store *store = world(OUTSIDE, true, 40);
    (void)state;
    struct cache *cache = store_put_service(store, "/root/c")->cache;
    cache->blobs[2].modified_at = PLAN_AGO(PLAN_DAY);
    expect(store, FREE, "not in this project");
    cache->blobs[2].modified_at = PLAN_AGO(40 * PLAN_DAY);
    expect(store, FREE, NULL);
    plan_world_leftover(cache, LEFTOVER_INGEST, "ingest/x", 10, PLAN_DAY);
    struct query query = query_for(FREE);
    struct plan *plan = plan_world_make(store, &query);
    assert_null(plan_world_item(plan, "/root/c"));
    plan_free(plan);
    store_free(store);
}

static void test_a_clock_that_went_back_abandons_nothing(void **state)
{
    struct store *store = world(OUTSIDE, true, 40);
    (void)state;
    store_put_service(store, "/root/c")->cache->last_export_at = PLAN_AGO(-PLAN_DAY);
    expect(store, FREE, "not in this project");
    store_free(store);
}

static void test_nothing_is_abandoned_while_projects_are_not_known(void **state)
{
    struct store *store = world(OUTSIDE, true, 400);
    (void)state;
    store_set_known(store, NULL, 0, "reading the history: disk I/O error");
    expect(store, FREE, "disk I/O error");
    store->known_load = LOAD_PENDING;
    expect(store, FREE, "not in this project");
    store_set_known(store, NULL, 0, NULL); /* nothing is remembered */
    expect(store, FREE, NULL);
    store_free(store);
}

static void test_nothing_is_abandoned_while_the_project_cannot_be_read(void **state)
{
    struct store *store = world(OUTSIDE, true, 400);
    (void)state;
    expect(store, FREE, NULL);
    store->project_load = LOAD_FAILED;
    store->project_absent = true; /* there is none here */
    expect(store, FREE, NULL);
    store->project_absent = false;
    expect(store, FREE, "not in this project");
    store_free(store);
}

static void test_another_name_of_the_same_directory_is_known(void **state)
{
    struct store *store = world(OUTSIDE, true, 400);
    (void)state;
    const struct cache *cache = store_put_service(store, "/root/c")->cache;
    struct known_cache *known = mem_zalloc(2 * sizeof *known);
    for (size_t i = 0; i < 2; i++)
        known[i] = (struct known_cache){.path = mem_printf("/mnt/alias/%zu", i),
                                        .dev = cache->dev,
                                        .ino = cache->ino + i,
                                        .project = mem_strdup("shop"),
                                        .file = mem_strdup("/f")};
    store_set_known(store, known, 2, NULL);
    expect(store, FREE, "project shop uses it");
    store_free(store);
}

static void test_the_reason_says_whose_it_is(void **state)
{
    static const struct {
        enum where where;
        int age_days;
        const char *reason;
    } table[] = {
        {MINE, 3, "last export 3 d ago"},
        {OUTSIDE, 3, "not in this project; last export 3 d ago"},
        {OUTSIDE, 34, "abandoned (last export 34 d ago): no project is known to use it"},
        {OF_ANOTHER, 34,
         "not in this project, but project shop uses it "
         "(/home/u/shop/compose.yml); last export 34 d ago"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        struct store *store = world(table[i].where, true, table[i].age_days);
        struct query query = query_for(ALL);
        struct plan *plan = plan_world_make(store, &query);
        assert_string_equal(plan_world_item(plan, "/root/c")->reason, table[i].reason);
        plan_free(plan);
        store_free(store);
    }
}

/* What could not be read, or is no cache, or is broken, is nobody's to take; each
 * that was asked for is in the plan or kept. */
static void test_only_sound_caches_go_without_being_named(void **state)
{
    static const struct {
        enum cache_state state;
        const char *reason;
        bool named_goes, unread;
    } table[] = {
        {CACHE_UNREADABLE, "symbolic link", false, true},
        {CACHE_FOREIGN, "symbolic link", false, false},
        {CACHE_BROKEN, "broken", true, false},
    };
    static const enum ask asks[] = {FREE, FREE_LIVE, AGE, AGE_LIVE, LARGER, NAME, ALL};
    (void)state;
    for (size_t i = 0; i < LEN(table) * LEN(asks); i++) {
        struct store *store = world(i % 2 ? MINE : OUTSIDE, true, 400);
        struct cache *cache = store_put_service(store, "/root/c")->cache;
        enum ask ask = asks[i % LEN(asks)];
        size_t row = i / LEN(asks);
        bool goes = table[row].named_goes && (ask == NAME || ask == ALL);
        cache->state = table[row].state;
        cache->live_unknown = cache->state == CACHE_BROKEN;
        cache->error = mem_strdup("it is a symbolic link: bilge follows none");
        struct query query = query_for(ask);
        struct plan *plan = plan_world_make(store, &query);
        const struct plan_kept *kept = plan_world_kept(plan, "/root/c");
        assert_int_equal(plan->items_len, goes ? 1 : 0);
        assert_true(goes == (kept == NULL));
        bool said = goes;
        for (size_t k = 0; k < plan->kept_len; k++) {
            said |= strstr(plan->kept[k].reason, table[row].reason) != NULL;
            assert_int_equal(plan->kept[k].unread, table[row].unread);
            for (size_t j = 0; j < k; j++) /* each once */
                assert_true(strcmp(plan->kept[k].title, plan->kept[j].title) != 0);
        }
        assert_true(said);
        plan_free(plan);
        store_free(store);
    }
}

static void test_unreadable_ones_are_told_when_garbage_is_asked_for(void **state)
{
    struct store *store = world(OUTSIDE, true, 3);
    struct query query = plan_world_garbage();
    (void)state;
    struct cache *cache = store_put_service(store, "/root/c")->cache;
    cache->state = CACHE_UNREADABLE;
    cache->error = mem_strdup("reading blobs: input/output error");
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_true(plan_world_kept(plan, "/root/c")->unread);
    plan_free(plan);
    cache->state = CACHE_FOREIGN; /* has no garbage */
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->kept_len, 0);
    plan_free(plan);
    store_free(store);
}

static void test_no_service_is_told_only_when_all_was_read(void **state)
{
    static const char *const names[] = {"nope"};
    struct store *store = world(MINE, true, 3);
    struct query query = plan_world_whole();
    struct plan *plan = NULL;
    struct err err = {0};
    (void)state;
    query.services = names;
    query.services_len = 1;
    store_put_root(store, "/root", NULL)->load = LOAD_DONE;
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    store->roots[0].load = LOAD_FAILED;
    store->roots[0].error = mem_strdup("listing /root: input/output error");
    assert_true(plan_make(store, &query, PLAN_NOW, &plan, &err) != ERR_USAGE);
    assert_non_null(strstr(err.text, "listing /root: input/output error"));
    store->roots[0].load = LOAD_DONE;
    store->project_load = LOAD_FAILED;
    store->project_error = mem_strdup("docker compose: yaml: line 3");
    assert_true(plan_make(store, &query, PLAN_NOW, &plan, &err) != ERR_USAGE);
    assert_non_null(strstr(err.text, "yaml: line 3"));
    store->project_absent = true; /* no project is no error */
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    store_free(store);
}

/* ---------------------------------------------------------------- shared ones */

static void add_user(struct store *store, const char *name, const char *tag, bool writes)
{
    struct service *row = store_put_service(store, "/root/both");
    row->users = mem_realloc(row->users, (row->users_len + 1) * sizeof *row->users);
    row->users[row->users_len++] = (struct service_user){mem_strdup(name), mem_strdup(tag), writes};
    char *id = mem_printf("compose:%s", name);
    if (strcmp(row->name, name) != 0) {
        struct service *bare = store_put_service(store, id);
        mem_replace(&bare->name, name);
        mem_replace(&bare->path, "/root/both");
        bare->in_project = true;
        bare->load = LOAD_DONE;
    }
    free(id);
}

/* Live {1,2,3} tag a; live {4,3,5} tag b; older {6,2,5}; orphan 7. */
static struct store *shared_world(const char *tag_a, const char *tag_b)
{
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "both");
    for (int i = 1; i <= 7; i++)
        plan_world_blob(cache, i, 1000 * i, PLAN_DAY);
    mem_replace(&plan_world_generation(cache, true, PLAN_HOUR, (int[]){1, 2, 3, 0})->tag, tag_a);
    mem_replace(&plan_world_generation(cache, true, PLAN_HOUR, (int[]){4, 3, 5, 0})->tag, tag_b);
    plan_world_generation(cache, false, 5 * PLAN_HOUR, (int[]){6, 2, 5, 0});
    plan_world_sum(cache);
    store->project = mem_zalloc(sizeof *store->project);
    store->known_load = LOAD_DONE;
    mem_replace(&store_put_service(store, "/root/both")->name, "a");
    return store;
}

static struct plan *plan_names(struct store *store, const char *const *names, size_t len)
{
    struct query query;
    query_init(&query);
    query.whole = true;
    query.services = names;
    query.services_len = len;
    return plan_world_make(store, &query);
}

static void test_a_tag_of_its_own_goes_alone(void **state)
{
    struct store *store = shared_world("a", "b");
    (void)state;
    add_user(store, "a", "a", true);
    add_user(store, "b", "b", true);
    struct plan *plan = plan_names(store, (const char *[]){"a"}, 1);
    plan_world_expect(plan, (const char *[]){plan_world_digest(1)}, 1);
    assert_int_equal(plan->items[0].kind, ITEM_GENERATION);
    assert_true(plan->items[0].live);
    assert_int_equal(plan->items[0].frees_bytes, 1000); /* 2 and 3 are others', too */
    assert_string_equal(plan->items[0].title, "current export, tag a");
    assert_non_null(strstr(plan->items[0].reason, "shared with b"));
    plan_free(plan);
    plan = plan_names(store, (const char *[]){"b"}, 1);
    plan_world_expect(plan, (const char *[]){plan_world_digest(4)}, 1);
    plan_free(plan);
    plan = plan_names(store, (const char *[]){"a", "b"}, 2);
    plan_world_expect(plan, (const char *[]){"/root/both"}, 1);
    plan_free(plan);
    store_free(store);
}

static void test_a_tag_of_others_too_stays(void **state)
{
    static const struct {
        const char *on_disk_a, *on_disk_b; /* tags of the exports; NULL: none */
        const char *a, *b;                 /* of the services */
    } table[] = {
        {"latest", "old", "latest", "latest"}, /* one tag for both */
        {"a, b", "x", "a", "b"},               /* both on one export */
        {NULL, "b", "a", "b"},                 /* without a tag */
        {"c", "b", "a", "b"},                  /* nothing of a's there */
        {"a, c", "b", "a", "b"},               /* and a tag that is nobody's */
    };
    (void)state;
    for (size_t i = 0; i < LEN(table); i++) {
        struct store *store = shared_world(table[i].on_disk_a, table[i].on_disk_b);
        add_user(store, "a", table[i].a, true);
        add_user(store, "b", table[i].b, true);
        struct plan *plan = plan_names(store, (const char *[]){"a"}, 1);
        assert_int_equal(plan->items_len, 0);
        assert_non_null(strstr(plan_world_kept(plan, "/root/both")->reason, "directory with b"));
        plan_free(plan);
        store_free(store);
    }
}

/* The index is only written with exports that are whole. */
static void test_a_tag_stays_when_the_others_are_damaged(void **state)
{
    struct store *store = shared_world("a", "b");
    (void)state;
    add_user(store, "a", "a", true);
    add_user(store, "b", "b", true);
    store_put_service(store, "/root/both")->cache->generations[1].whole = false;
    struct plan *plan = plan_names(store, (const char *[]){"a"}, 1);
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->kept_len, 1);
    plan_free(plan);
    store_free(store);
}

static void test_a_busy_shared_directory_is_waited_for(void **state)
{
    struct store *store = shared_world("a", "b");
    (void)state;
    add_user(store, "a", "a", true);
    add_user(store, "b", "b", true);
    mem_replace(&store_put_service(store, "/root/both")->busy_sign, "bilge builds it now");
    struct plan *plan = plan_names(store, (const char *[]){"a"}, 1);
    assert_int_equal(plan->items_len, 0);
    assert_true(plan_world_kept(plan, "/root/both")->busy);
    plan_free(plan);
    store_free(store);
}

/* Who only reads has no say in what another's name takes. */
static void test_readers_need_not_be_named(void **state)
{
    struct store *store = shared_world("latest", "b");
    (void)state;
    add_user(store, "a", "latest", true);
    struct service *row = store_put_service(store, "/root/both");
    row->users = mem_realloc(row->users, 2 * sizeof *row->users);
    row->users[row->users_len++] =
        (struct service_user){mem_strdup("reader"), mem_strdup("latest"), false};
    assert_true(service_only_reads(row, 1));
    assert_false(service_only_reads(row, 0));
    struct plan *plan = plan_names(store, (const char *[]){"a"}, 1);
    plan_world_expect(plan, (const char *[]){"/root/both"}, 1);
    plan_free(plan);
    row = store_put_service(store, "/root/both");
    row->users[0].writes = false; /* nobody writes: it is both's */
    assert_false(service_only_reads(row, 1));
    plan = plan_names(store, (const char *[]){"a"}, 1);
    assert_int_equal(plan->items_len, 0);
    assert_non_null(strstr(plan_world_kept(plan, "/root/both")->reason, "with reader"));
    plan_free(plan);
    store_free(store);
}

static struct plan *plan_ids(struct store *store, const int *numbers, size_t len)
{
    const char *ids[3];
    struct query query;
    query_init(&query);
    for (size_t i = 0; i < len; i++)
        ids[i] = mem_strdup(plan_world_digest(numbers[i]));
    query.ids = ids;
    query.ids_len = len;
    struct plan *plan = plan_world_make(store, &query);
    for (size_t i = 0; i < len; i++)
        free((char *)ids[i]);
    return plan;
}

static void test_one_of_several_live_exports_goes_by_its_id(void **state)
{
    struct store *store = shared_world("a", "b");
    (void)state;
    struct plan *plan = plan_ids(store, (const int[]){1}, 1);
    plan_world_expect(plan, (const char *[]){plan_world_digest(1)}, 1);
    assert_true(plan->items[0].live);
    plan_free(plan);
    plan = plan_ids(store, (const int[]){1, 6}, 2); /* and the older one: 2 goes with both */
    assert_int_equal(plan->items_len, 2);
    assert_int_equal(plan->planned_bytes, 1000 + 2000 + 6000);
    plan_free(plan);
    plan = plan_ids(store, (const int[]){1, 4}, 2); /* none would be left */
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->kept_len, 2);
    assert_non_null(
        strstr(plan_world_kept(plan, plan_world_digest(4))->reason, "no other current"));
    plan_free(plan);
    mem_replace(&store_put_service(store, "/root/both")->busy_sign, "bilge builds it now");
    plan = plan_ids(store, (const int[]){1}, 1);
    assert_int_equal(plan->items_len, 0);
    assert_true(plan_world_kept(plan, plan_world_digest(1))->busy);
    plan_free(plan);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_without_being_named),
        cmocka_unit_test(test_the_age_of_the_abandoned_is_settable),
        cmocka_unit_test(test_what_was_written_to_lately_is_not_abandoned),
        cmocka_unit_test(test_a_clock_that_went_back_abandons_nothing),
        cmocka_unit_test(test_nothing_is_abandoned_while_projects_are_not_known),
        cmocka_unit_test(test_nothing_is_abandoned_while_the_project_cannot_be_read),
        cmocka_unit_test(test_another_name_of_the_same_directory_is_known),
        cmocka_unit_test(test_the_reason_says_whose_it_is),
        cmocka_unit_test(test_only_sound_caches_go_without_being_named),
        cmocka_unit_test(test_unreadable_ones_are_told_when_garbage_is_asked_for),
        cmocka_unit_test(test_no_service_is_told_only_when_all_was_read),
        cmocka_unit_test(test_a_tag_of_its_own_goes_alone),
        cmocka_unit_test(test_a_tag_of_others_too_stays),
        cmocka_unit_test(test_a_tag_stays_when_the_others_are_damaged),
        cmocka_unit_test(test_a_busy_shared_directory_is_waited_for),
        cmocka_unit_test(test_readers_need_not_be_named),
        cmocka_unit_test(test_one_of_several_live_exports_goes_by_its_id),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("plan by owner", tests, NULL, NULL);
}
