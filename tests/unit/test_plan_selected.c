/* Which records are asked for: by kind, age, type, id, builder, service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

struct kind {
    const char *type;
    bool shared, mutable_;
    int64_t frees;
    bool gone_for_good, needs_all;
    const char *loses;
};

static void test_kinds(void **state)
{
    static const struct kind table[] = {
        {"regular", false, false, 100, false, false, "this step runs again: RUN x"},
        {"regular", true, false, 0, false, true, "this step runs again: RUN x"},
        {"exec.cachemount", false, true, 100, true, false, "no export has it"},
        {"exec.cachemount", true, true, 100, true, true, "no export has it"},
        {"exec.cachemount", true, false, 100, true, true, "no export has it"},
        {"source.local", false, true, 100, false, false, "sends these files"},
        {"source.git.checkout", false, false, 100, false, false, "fetches this repository"},
        {"frontend", false, false, 100, false, true, "frontend"},
        {"internal", false, false, 100, false, true, NULL},
        {"something.new", false, false, 100, false, false, "RUN x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct store *store = store_new();
        struct query query = plan_world_records(-1);
        struct record *record =
            plan_world_record(plan_world_builder(store, "default"), "x", NULL, 5);
        mem_replace(&record->type, table[i].type);
        record->shared = table[i].shared;
        record->mutable_ = table[i].mutable_;
        struct plan *plan = plan_world_make(store, &query);
        const struct plan_item *item = &plan->items[0];
        assert_int_equal(item->frees_bytes, table[i].frees);
        assert_int_equal(item->size_bytes, 100);
        assert_int_equal(item->gone_for_good, table[i].gone_for_good);
        assert_int_equal(item->needs_all, table[i].needs_all);
        if (table[i].loses == NULL)
            assert_null(item->loses);
        else
            assert_non_null(strstr(item->loses, table[i].loses));
        plan_free(plan);
        store_free(store);
    }
}

static void test_age_is_last_use_or_making(void **state)
{
    static const struct {
        int used_s, created_s; /* -1: not known */
        int64_t older_than_s;
        bool goes;
        const char *reason;
    } table[] = {
        {2 * PLAN_DAY, 9 * PLAN_DAY, PLAN_DAY, true, "used 2 d ago"},
        {60, 9 * PLAN_DAY, PLAN_DAY, false, NULL},
        {PLAN_DAY, PLAN_DAY, PLAN_DAY, true, "used 24 h ago"},
        {PLAN_DAY - 1, PLAN_DAY, PLAN_DAY, false, NULL},
        {-1, 2 * PLAN_DAY, PLAN_DAY, true, "never used, made 2 d ago"},
        {-1, 60, PLAN_DAY, false, NULL},
        {-1, -1, PLAN_DAY, false, NULL},
        {-1, -1, -1, true, "never used"},
        {-3600, 60, 1, false, NULL}, /* a clock ahead of ours */
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct store *store = store_new();
        struct query query = plan_world_records(table[i].older_than_s);
        struct record *record =
            plan_world_record(plan_world_builder(store, "default"), "x", NULL, -1);
        record->last_used_at = table[i].used_s == -1 ? 0 : PLAN_AGO(table[i].used_s);
        record->created_at = table[i].created_s == -1 ? 0 : PLAN_AGO(table[i].created_s);
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, table[i].goes);
        if (table[i].goes)
            assert_string_equal(plan->items[0].reason, table[i].reason);
        plan_free(plan);
        store_free(store);
    }
}

static void test_type_and_ids(void **state)
{
    struct store *store = plan_world_chain(3, 5, 5);
    struct query query = plan_world_records(-1);
    struct plan *plan = NULL;
    struct err err = {0};
    const char *ids[] = {"r2", "r1"}, *middle[] = {"r1"}, *part[] = {"r"};
    (void)state;
    query.type = "exec.cachemount"; /* docker knows it; there is none */
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    plan_free(plan);
    plan = NULL;
    query.type = "cachemount";
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    query.type = NULL;
    query.ids = ids;
    query.ids_len = 2;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 2);
    plan_free(plan);
    query.ids = middle;
    query.ids_len = 1;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_string_equal(plan_world_kept(plan, "r1")->reason, "pinned by RUN r2, used 5 s ago");
    plan_free(plan);
    plan = NULL;
    query.ids = part; /* an id is no pattern */
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    query.records = false; /* looked for everywhere */
    query.ids = ids;
    query.ids_len = 2;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 2);
    plan_free(plan);
    store_free(store);
}

/* Layers of caches and records were made at these instants: "a" and "b" of api,
 * "w" of worker, "both" of the two; "mount" quotes a step of api; "lone" is of
 * nobody. base ◄─ a ◄─ b, shared ◄─ both. */
static struct store *two_services(void)
{
    static const struct {
        const char *id, *parent, *description;
        int created_s;
    } rows[] = {
        {"base", NULL, "FROM", 9},
        {"a", "base", "mount / from exec make a", 1001},
        {"b", "a", "COPY b", 1002},
        {"w", NULL, "COPY w", 1003},
        {"shared", NULL, "RUN apt", 8},
        {"both", "shared", "RUN both", 1004},
        {"lone", NULL, "RUN lone", 7},
        {"mount", NULL, "cached mount /t from exec make a with id \"/t\"", 6},
    };
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "api");
    const int api[] = {1, 2, 4, 0}, worker[] = {3, 4, 0};
    for (int i = 1; i <= 4; i++)
        if (i != 3)
            plan_world_blob(cache, i, 1000, 60)->created_at = PLAN_AGO(1000 + i);
    plan_world_generation(cache, true, 60, api);
    plan_world_sum(cache);
    cache = plan_world_cache(store, "worker");
    for (int i = 3; i <= 4; i++)
        plan_world_blob(cache, i, 1000, 60)->created_at = PLAN_AGO(1000 + i);
    plan_world_generation(cache, true, 60, worker);
    plan_world_sum(cache);
    struct builder *builder = plan_world_builder(store, "default");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct record *record = plan_world_record(builder, rows[i].id, rows[i].parent, 60);
        record->created_at = PLAN_AGO(rows[i].created_s);
        mem_replace(&record->description, rows[i].description);
    }
    builder->owners = store_find_owners(store, &builder->records);
    return store;
}

static void test_a_services_own_records(void **state)
{
    struct store *store = two_services();
    const char *api[] = {"api"}, *all[] = {"api", "/root/worker"}, *lone[] = {"lone"};
    struct query query = plan_world_records(-1);
    (void)state;
    query.services = api;
    query.services_len = 1;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 3);
    assert_string_equal(plan_world_item(plan, "a")->service, "api");
    assert_non_null(plan_world_item(plan, "b"));
    assert_non_null(plan_world_item(plan, "base"));
    assert_int_equal(plan->kept_len, 3);
    assert_string_equal(plan_world_kept(plan, "both")->reason, "also used by worker");
    assert_string_equal(plan_world_kept(plan, "shared")->reason, "also used by worker");
    assert_non_null(strstr(plan_world_kept(plan, "mount")->reason, "only its text says so"));
    plan_free(plan);
    query.whole = true; /* the directory goes too */
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 4);
    assert_non_null(plan_world_item(plan, "/root/api"));
    assert_null(plan_world_item(plan, "/root/worker"));
    plan_free(plan);
    query.whole = false;
    query.services = all; /* what both use goes with both */
    query.services_len = 2;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 6);
    assert_null(plan_world_item(plan, "lone"));
    plan_free(plan);
    query.services_len = 0; /* asked for by name */
    query.ids = lone;
    query.ids_len = 1;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1);
    plan_free(plan);
    store_free(store);
}

/* A younger record of another service on top: the service's own stays. */
static void test_a_services_record_that_another_needs(void **state)
{
    struct store *store = two_services();
    struct builder *builder = store_put_builder(store, "default");
    struct query query = plan_world_records(-1);
    const char *api[] = {"api"};
    (void)state;
    plan_world_record(builder, "top", "b", 5);
    owners_done(&builder->owners); /* as when records have just come */
    query.services = api;
    query.services_len = 1;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0); /* nobody knows whose anything is */
    plan_free(plan);
    builder->owners = store_find_owners(store, &builder->records);
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_string_equal(plan_world_kept(plan, "base")->reason, "pinned by RUN top, used 5 s ago");
    plan_free(plan);
    store_free(store);
}

/* Two rows of one name are one service to the records: half of it is not it. */
static void test_a_name_that_two_rows_have(void **state)
{
    struct store *store = two_services();
    struct query query = plan_world_records(-1);
    const char *worker[] = {"/root/worker"};
    (void)state;
    mem_replace(&store_put_service(store, "/root/worker")->name, "api");
    struct builder *builder = store_put_builder(store, "default");
    owners_done(&builder->owners);
    builder->owners = store_find_owners(store, &builder->records);
    assert_int_equal(builder->owners.services_len, 1);
    query.services = worker;
    query.services_len = 1;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    plan_free(plan);
    query.services_len = 0;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 8);
    plan_free(plan);
    store_free(store);
}

static void test_builders(void **state)
{
    struct store *store = plan_world_chain(2, 5, 5);
    struct query query = plan_world_records(-1);
    struct plan *plan = NULL;
    struct err err = {0};
    (void)state;
    plan_world_record(plan_world_builder(store, "remote"), "other", NULL, 5);
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 2); /* of the selected one */
    assert_true(plan->items[0].embedded);
    plan_free(plan);
    query.builder = "remote";
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1);
    assert_string_equal(plan->items[0].builder, "remote");
    assert_false(plan->items[0].embedded);
    plan_free(plan);
    plan = NULL;
    query.builder = "nope";
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    query.builder = "remote";
    store_put_builder(store, "remote")->reachable = false;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    assert_int_equal(plan->kept_len, 1);
    plan_free(plan);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_age_is_last_use_or_making),
        cmocka_unit_test(test_type_and_ids),
        cmocka_unit_test(test_a_services_own_records),
        cmocka_unit_test(test_a_services_record_that_another_needs),
        cmocka_unit_test(test_a_name_that_two_rows_have),
        cmocka_unit_test(test_builders),
    };
    limit_program(60);
    return cmocka_run_group_tests_name("plan of records", tests, NULL, NULL);
}
