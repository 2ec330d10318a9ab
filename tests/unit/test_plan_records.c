/* Records: leaf first, what is pinned and by what, and docker's own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

static struct query records(int64_t older_than_s)
{
    struct query query;
    query_init(&query);
    query.records = true;
    query.older_than_s = older_than_s;
    return query;
}

/* r0 ◄─ r1 ◄─ … : each is the parent of the next; the last is used so long ago. */
static struct store *chain(int len, int used_s, int leaf_used_s)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    char id[16], parent[16];
    for (int i = 0; i < len; i++) {
        snprintf(id, sizeof id, "r%d", i);
        snprintf(parent, sizeof parent, "r%d", i - 1);
        plan_world_record(builder, id, i > 0 ? parent : NULL, i == len - 1 ? leaf_used_s : used_s);
    }
    return store;
}

static void test_children_come_before_their_parents(void **state)
{
    struct store *store = chain(10, PLAN_DAY, PLAN_DAY);
    struct query query = records(-1);
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
    struct store *store = chain(10, 3 * PLAN_DAY, 3 * PLAN_HOUR);
    struct query query = records(PLAN_DAY);
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
    static const char *const reasons[] = {"a failed import leaked it", "in use by a build"};
    (void)state;
    for (int building = 0; building < 2; building++) {
        struct store *store = chain(3, PLAN_DAY, -1);
        struct builder *builder = store_put_builder(store, "default");
        builder->records.items[2].in_use = true;
        if (building) {
            struct record *source = plan_world_record(builder, "src", NULL, -1);
            mem_replace(&source->type, "source.local");
            source->in_use = true;
        }
        struct query query = records(-1);
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
        char *sign = records_build_sign(store);
        assert_int_equal(sign != NULL, table[i].sign);
        free(sign);
        builder->reachable = false; /* what it said before it went is no sign */
        assert_null(records_build_sign(store));
        store_free(store);
    }
}

static void test_siblings_pin_only_what_they_share(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = records(PLAN_DAY);
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
    struct query query = records(-1);
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
    struct query query = records(-1);
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
    struct store *store = chain(5, 5, 5);
    struct query query = records(-1);
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
    struct store *store = chain(4, 5, 5);
    struct query query = records(-1);
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

/* ----------------------------------------------------------- kinds and bytes */

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
        struct query query = records(-1);
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
        struct query query = records(table[i].older_than_s);
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

/* ------------------------------------------------------------ conditions */

static void test_type_and_ids(void **state)
{
    struct store *store = chain(3, 5, 5);
    struct query query = records(-1);
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
        {"base", NULL, "FROM", 9},       {"a", "base", "mount / from exec make a", 1001},
        {"b", "a", "COPY b", 1002},      {"w", NULL, "COPY w", 1003},
        {"shared", NULL, "RUN apt", 8},  {"both", "shared", "RUN both", 1004},
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
    struct query query = records(-1);
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
    struct query query = records(-1);
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
    struct query query = records(-1);
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
    struct store *store = chain(2, 5, 5);
    struct query query = records(-1);
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

static void test_descriptions_are_clean_and_cut(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = records(-1);
    char *flood = mem_alloc(100001);
    (void)state;
    memset(flood, 'x', 100000);
    flood[100000] = '\0';
    mem_replace(&plan_world_record(builder, "evil", NULL, 5)->description, "RUN \x1b]0;hi\a\nrm");
    mem_replace(&plan_world_record(builder, "long", NULL, 5)->description, flood);
    mem_replace(&plan_world_record(builder, "none", NULL, 5)->description, "");
    struct plan *plan = plan_world_make(store, &query);
    for (size_t i = 0; i < plan->items_len; i++) {
        assert_true(strlen(plan->items[i].title) <= 400);
        for (const char *at = plan->items[i].title; *at != '\0'; at++)
            assert_true((unsigned char)*at >= 0x20);
    }
    assert_string_equal(plan_world_item(plan, "none")->title, "a layer of a base image");
    plan_free(plan);
    free(flood);
    store_free(store);
}

static void test_names(void **state)
{
    static const struct {
        const char *type, *description, *name;
    } table[] = {
        {"regular", "mount / from exec /bin/sh -c make   all &&\n    make install",
         "RUN make all && make install"},
        {"regular", "mount / from exec echo exec form", "RUN echo exec form"},
        {"regular", "[builder 3/6] COPY src/Cargo.toml ./", "[builder 3/6] COPY src/Cargo.toml ./"},
        {"exec.cachemount",
         "cached mount /app/target from exec /bin/sh -c cargo build with id \"/t\"",
         "cache mount /app/target of RUN cargo build with id \"/t\""},
        {"exec.cachemount", "cached mount /odd", "cache mount /odd"},
        {"source.local", "", "a source.local record"},
        {"regular", "imported sha256:0123456789abcdef0123456789abcdef",
         "a step imported from a cache (sha256:0123456789ab)"},
        {"regular", "mount / from exec ", "RUN "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct store *store = store_new();
        struct query query = records(-1);
        struct record *record =
            plan_world_record(plan_world_builder(store, "default"), "x", NULL, 5);
        mem_replace(&record->type, table[i].type);
        mem_replace(&record->description, table[i].description);
        struct plan *plan = plan_world_make(store, &query);
        assert_string_equal(plan->items[0].title, table[i].name);
        plan_free(plan);
        store_free(store);
    }
}

static void test_an_imported_step_is_named_by_what_is_remembered(void **state)
{
    struct store *store = store_new();
    struct query query = records(-1);
    struct record *record = plan_world_record(plan_world_builder(store, "default"), "x", NULL, 5);
    struct layer_text *text = mem_alloc(sizeof *text);
    (void)state;
    mem_replace(&record->description, "imported sha256:0123");
    *text =
        (struct layer_text){record->created_at, mem_strdup("mount / from exec /bin/sh -c make")};
    store_set_layer_texts(store, text, 1);
    struct plan *plan = plan_world_make(store, &query);
    assert_string_equal(plan->items[0].title, "RUN make");
    assert_string_equal(plan->items[0].loses, "this step runs again: RUN make");
    plan_free(plan);
    store_free(store);
}

/* ----------------------------------------------------------------- command */

static void test_docker_command(void **state)
{
    struct store *store = chain(2, 5, 5);
    struct query query = records(-1);
    (void)state;
    struct plan *plan = plan_world_make(store, &query);
    char *command = plan_docker_command(plan);
    assert_string_equal(command, "docker builder prune --filter 'id=^(r1|r0)$'");
    free(command);
    plan->items[0].needs_all = true;
    mem_replace(&plan->items[0].builder, "work");
    mem_replace(&plan->items[1].builder, "box");
    plan->items[1].embedded = false;
    command = plan_docker_command(plan);
    assert_string_equal(command, "docker --context work builder prune --all --filter 'id=^(r1)$'\n"
                                 "docker buildx prune --builder box --filter 'id=^(r0)$'");
    free(command);
    mem_replace(&plan->items[0].id, "a'; rm -rf /");
    assert_null(plan_docker_command(plan));
    mem_replace(&plan->items[0].id, ".*");
    assert_null(plan_docker_command(plan));
    plan_free(plan);
    plan = mem_zalloc(sizeof *plan);
    assert_null(plan_docker_command(plan));
    plan_free(plan);
    store_free(store);
}

static void test_many_records_are_quick(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = records(-1);
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

/* What a step took when it last ran, which the history knows by the step's
 * name as a build's output tells it. */
/* Only where any record that goes takes all steps with it, and one does go. */
static void test_an_engine_that_forgets_its_steps(void **state)
{
    static const struct {
        bool containerd_store, embedded, forgets;
    } cases[] = {{true, true, true}, {false, true, false}, {true, false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = chain(1, PLAN_DAY, PLAN_DAY);
        struct query query = records(-1);
        store->builders[0].containerd_store = cases[i].containerd_store;
        store->builders[0].embedded = cases[i].embedded;
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, 1);
        assert_int_equal(plan_forgets_steps(plan), cases[i].forgets);
        plan_drop(plan, 0);
        assert_false(plan_forgets_steps(plan));
        plan_free(plan);
        store_free(store);
    }
}

static void test_losses_are_timed(void **state)
{
    static const struct {
        const char *description, *loses;
        bool timed;
        double rebuild_s;
    } cases[] = {
        {"mount / from exec /bin/sh -c make it", "this step runs again: RUN make it (took 41 s)", true,
         41},
        {"[builder 4/6] COPY src .", "this step runs again: [builder 4/6] COPY src . (took 0.3 s)",
         true, 0.3},
        {"mount / from exec /bin/sh -c make that", "this step runs again: RUN make that", false,
         1.00001},
        {"", "the next build unpacks this layer of a base image again", false, 0.000005},
    };
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = records(-1);
    char id[2] = "a";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++, id[0]++)
        mem_replace(&plan_world_record(builder, id, NULL, 60)->description, cases[i].description);
    struct history_step_time *times = mem_alloc(2 * sizeof *times);
    times[0] = (struct history_step_time){mem_strdup("COPY src ."), 300};
    times[1] = (struct history_step_time){mem_strdup("RUN --mount=type=cache,target=/t make it"),
                                          41000};
    store_set_step_times(store, times, 2);
    struct plan *plan = plan_world_make(store, &query);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        id[0] = (char)('a' + i);
        const struct plan_item *item = plan_world_item(plan, id);
        assert_string_equal(item->loses, cases[i].loses);
        assert_int_equal(item->timed, cases[i].timed);
        assert_true(item->rebuild_s > cases[i].rebuild_s * 0.999 &&
                    item->rebuild_s < cases[i].rebuild_s * 1.001);
    }
    plan_free(plan);
    store_free(store);
}

/* What was left out of one plan is found in the next one. */
static void test_items_are_found_again(void **state)
{
    struct store *store = chain(3, PLAN_DAY, PLAN_DAY);
    struct query query = records(-1);
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
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_age_is_last_use_or_making),
        cmocka_unit_test(test_type_and_ids),
        cmocka_unit_test(test_a_services_own_records),
        cmocka_unit_test(test_a_services_record_that_another_needs),
        cmocka_unit_test(test_a_name_that_two_rows_have),
        cmocka_unit_test(test_builders),
        cmocka_unit_test(test_descriptions_are_clean_and_cut),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_an_imported_step_is_named_by_what_is_remembered),
        cmocka_unit_test(test_docker_command),
        cmocka_unit_test(test_an_engine_that_forgets_its_steps),
        cmocka_unit_test(test_losses_are_timed),
        cmocka_unit_test(test_items_are_found_again),
        cmocka_unit_test(test_many_records_are_quick),
    };
    limit_program(60);
    return cmocka_run_group_tests_name("plan of records", tests, NULL, NULL);
}
