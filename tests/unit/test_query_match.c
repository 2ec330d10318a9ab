/* What a query's conditions hold for, and queries typed in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/query.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define MAKE "mount / from exec /bin/sh -c make it"
#define MOUNT "cached mount /t from exec /bin/sh -c make it with id \"/t\""
#define IMPORTED "imported sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void add(struct builder *builder, const char *id, const char *type, const char *description,
                int64_t size_bytes, int used_s)
{
    struct record *record = plan_world_record(builder, id, NULL, used_s);
    mem_replace(&record->type, type);
    mem_replace(&record->description, description);
    record->size_bytes = size_bytes;
}

/* "make" is api's: its layer was made at the same instant. The text of the step
 * that was imported is remembered. */
static struct store *world(void)
{
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "api");
    plan_world_blob(cache, 1, 100, PLAN_DAY);
    struct cache_blob *layer = plan_world_blob(cache, 2, 100, PLAN_DAY);
    layer->created_at = 77;
    plan_world_generation(cache, true, PLAN_DAY, (const int[]){1, 2, 0});
    plan_world_sum(cache);
    struct builder *builder = plan_world_builder(store, "default");
    add(builder, "make", "regular", MAKE, 1000, PLAN_DAY);
    builder->records.items[0].created_at = 77;
    add(builder, "copy", "regular", "[builder 2/3] COPY . .", 2000, PLAN_HOUR);
    add(builder, "mount", "exec.cachemount", MOUNT, 3000, -1);
    add(builder, "base", "regular", "", 4000, 3 * PLAN_DAY);
    add(builder, "back", "regular", IMPORTED, 5000, 5 * PLAN_DAY);
    builder->records.items[1].in_use = true;
    builder->records.items[3].shared = true;
    builder->records.items[4].created_at = 88;
    struct layer_text *texts = mem_alloc(sizeof *texts);
    texts[0] = (struct layer_text){88, mem_strdup("mount / from exec /bin/sh -c cargo  build")};
    store_set_layer_texts(store, texts, 1);
    builder->owners = store_find_owners(store, &builder->records);
    return store;
}

/* The ids of the records that meet the line. */
static char *met_by(const struct store *store, const char *typed)
{
    const struct builder *builder = store_selected_builder(store);
    struct query_line line;
    struct query_match match;
    struct err err = {0};
    struct buf ids = {0};
    if (query_line_read(&line, typed, &err) < 0)
        return mem_printf("! %s", err.text);
    assert_int_equal(query_match_init(&match, &line.query, PLAN_NOW, &err), 0);
    for (size_t i = 0; i < builder->records.len; i++)
        if (query_match_id(&match, builder->records.items[i].id) &&
            query_match_owner(&match, store, builder, i) &&
            query_match_record(&match, store, builder, i))
            buf_printf(&ids, "%s%s", ids.len > 0 ? " " : "", builder->records.items[i].id);
    query_match_done(&match);
    query_line_done(&line);
    return buf_take(&ids);
}

static void test_records(void **state)
{
    static const struct {
        const char *typed, *met;
    } cases[] = {
        {"", "make copy mount base back"},
        {"   ", "make copy mount base back"},
        {"make", "make mount"},
        {"MAKE  it", "make mount"},
        {"run make", "make mount"}, /* as it is shown, not as it is said */
        {"exec /bin/sh", "make mount back"},
        {"cargo build", "back"},
        {"cachemount", "mount"},
        {"api", "make mount"}, /* by its service; the mount as a guess */
        {"base image", "base"},
        {"match:^RUN make", "make"},
        {"match:^mount /", "make back"},
        {"match:make|COPY", "make copy mount"},
        {"match:^$", "base"},
        {"match:MAKE", ""},
        {"match:RUN  make", ""}, /* the rest of the line, with its blanks */
        {"larger-than:2000B", "mount base back"},
        {"larger-than:1kB smaller-than:4kB", "copy mount"},
        {"smaller-than:1001B", "make"},
        {"in-use:yes", "copy"},
        {"in-use:no shared:no", "make mount back"},
        {"shared:yes", "base"},
        {"type:regular in-use:no larger-than:3kB", "base back"},
        {"type:none", ""},
        {"older-than:2d", "base back"},
        {"older-than:1d", "make mount base back"}, /* mount: never used, made a day ago */
        {"older-than:0s", "make copy mount base back"},
        {"service:api", "make mount"},
        {"service:/root/api", "make mount"},
        {"service:api type:regular", "make"},
        {"service:nosuch", ""},
        {"id:make id:base", "make base"},
        {"id:make shared:yes", ""},
        {"make in-use:no it type:regular", "make"},
        {"colour:red", ""}, /* a text like any other */
        {"type:", "! type: what?"},
        {"larger-than:big", "! larger-than: \"big\" is not a size such as 500MB, 10GB, 2GiB"},
        {"larger-than:0B", "! larger-than: \"0B\" is not a size such as 500MB, 10GB, 2GiB"},
        {"larger-than:10", "! larger-than: 10 what? such as 10GB"},
        {"smaller-than:10", "! smaller-than: 10 what? such as 10GB"},
        {"older-than:5x", "! older-than: \"5x\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {"older-than:7", "! older-than: 7 what? such as 7d"},
        {"in-use:perhaps", "! in-use: is yes or no"},
        {"in-use:yes in-use:no", "! in-use: is given twice"},
        {"shared:yes shared:yes", "! shared: is given twice"},
        {"type:a type:b", "! type: is given twice"},
        {"older-than:1d older-than:2d", "! older-than: is given twice"},
        {"smaller-than:1kB smaller-than:1kB", "! smaller-than: is given twice"},
        {"larger-than:2GB smaller-than:1GB",
         "! nothing is larger than 2.00 GB and smaller than 1.00 GB"},
    };
    struct store *store = world();
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char *met = met_by(store, cases[i].typed);
        if (strcmp(met, cases[i].met) != 0)
            fail_msg("\"%s\": \"%s\", not \"%s\"", cases[i].typed, met, cases[i].met);
        free(met);
    }
    store_free(store);
}

static void test_bad_expressions(void **state)
{
    static const char *const typed[] = {"match:(", "match:[a", "match:a{2", "match:*)("};
    struct query_line line;
    struct query query;
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < LEN(typed); i++) {
        assert_int_equal(query_line_read(&line, typed[i], &err), ERR_USAGE);
        assert_non_null(strstr(err.text, "can't be used as a regular expression: "));
    }
    query_init(&query);
    query.match = "^R+{99}{99}";
    assert_int_equal(query_check_conditions(&query, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "repeats too much"));
}

static void test_services(void **state)
{
    static const struct {
        const char *typed;
        bool met;
    } cases[] = {
        {"", true},
        {"AP", true},
        {"apis", false},
        {"match:^a.i$", true},
        {"match:^b", false},
        {"service:api", true},
        {"service:web", false},
        {"older-than:30m", true},
        {"older-than:2h", false},
        {"larger-than:1B", true},
        {"larger-than:1GB", false},
        {"in-use:no", true},
        {"in-use:yes", false},
        {"shared:yes", false},
        {"type:regular", false},
        {"id:/root/api", true},
        {"id:x", false},
    };
    struct store *store = world();
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct query_line line;
        struct query_match match;
        assert_int_equal(query_line_read(&line, cases[i].typed, NULL), 0);
        assert_int_equal(query_match_init(&match, &line.query, PLAN_NOW, NULL), 0);
        if (query_match_service(&match, &store->services[0]) != cases[i].met)
            fail_msg("\"%s\"", cases[i].typed);
        query_match_done(&match);
        query_line_done(&line);
    }
    store_free(store);
}

/* The plan takes what the query meets, and nothing else. */
static void test_plans(void **state)
{
    static const struct {
        const char *typed, *items, *kept;
    } cases[] = {
        {"make", "make mount ", ""},
        {"match:^RUN make", "make ", ""},
        {"larger-than:2500B", "mount base back ", ""},
        {"in-use:yes", "", "copy "},
        {"shared:no type:regular", "make back ", "copy "},
        {"id:make larger-than:1GB", "", ""},
        {"service:api", "make ", "mount "},
    };
    struct store *store = world();
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct query_line line;
        struct buf items = {0}, kept = {0};
        assert_int_equal(query_line_read(&line, cases[i].typed, NULL), 0);
        line.query.records = true;
        struct plan *plan = plan_world_make(store, &line.query);
        buf_append_str(&items, "");
        buf_append_str(&kept, "");
        for (size_t j = 0; j < plan->items_len; j++)
            buf_printf(&items, "%s ", plan->items[j].id);
        for (size_t j = 0; j < plan->kept_len; j++)
            buf_printf(&kept, "%s ", plan->kept[j].id);
        assert_string_equal(items.data, cases[i].items);
        assert_string_equal(kept.data, cases[i].kept);
        buf_done(&items);
        buf_done(&kept);
        plan_free(plan);
        query_line_done(&line);
    }
    store_free(store);
}

/* What is not surely the service's own goes only when it was asked for. */
static void test_guesses_and_others(void **state)
{
    static const struct {
        bool guesses, others;
        const char *items, *reason;
    } cases[] = {
        {false, false, "", "also used by web"},
        {true, false, "", "also used by web"},
        {false, true, "make ", NULL},
        {true, true, "make mount ", NULL},
    };
    static const char *const services[] = {"api"};
    struct store *store = world();
    struct cache *cache = plan_world_cache(store, "web");
    (void)state;
    plan_world_blob(cache, 1, 100, PLAN_DAY);
    plan_world_blob(cache, 2, 100, PLAN_DAY)->created_at = 77;
    plan_world_generation(cache, true, PLAN_DAY, (const int[]){1, 2, 0});
    plan_world_sum(cache);
    struct builder *builder = &store->builders[0];
    owners_done(&builder->owners);
    builder->owners = store_find_owners(store, &builder->records);
    for (size_t i = 0; i < LEN(cases); i++) {
        struct buf items = {0};
        struct query query;
        query_init(&query);
        query.records = true;
        query.services = services;
        query.services_len = 1;
        query.guesses = cases[i].guesses;
        query.others = cases[i].others;
        struct plan *plan = plan_world_make(store, &query);
        buf_append_str(&items, "");
        for (size_t j = 0; j < plan->items_len; j++)
            buf_printf(&items, "%s ", plan->items[j].id);
        assert_string_equal(items.data, cases[i].items);
        const struct plan_kept *kept = plan_world_kept(plan, "make");
        assert_int_equal(kept != NULL, cases[i].reason != NULL);
        if (kept != NULL)
            assert_string_equal(kept->reason, cases[i].reason);
        buf_done(&items);
        plan_free(plan);
    }
    store_free(store);
}

/* An id without a scope is looked for everywhere, but a condition on records
 * leaves only these. */
static void test_ids_of_records_alone(void **state)
{
    struct store *store = world();
    char digest[80];
    const char *ids[] = {digest};
    struct query query;
    struct plan *plan;
    struct err err;
    (void)state;
    strcpy(digest, plan_world_digest(1));
    query_init(&query);
    query.ids = ids;
    query.ids_len = 1;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->kept_len, 1);
    plan_free(plan);
    query.type = "regular";
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    store_free(store);
}

/* Sizes are conditions on caches and their garbage, too. */
static void test_sizes_of_garbage(void **state)
{
    static const struct {
        int64_t larger, smaller;
        size_t items;
    } cases[] = {{0, 0, 3}, {1000, 0, 2}, {1000, 6000, 1}, {5999, 0, 1}, {9000, 0, 0}};
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "api");
    (void)state;
    plan_world_blob(cache, 1, 10, PLAN_DAY);
    plan_world_blob(cache, 2, 500, PLAN_DAY);
    plan_world_blob(cache, 3, 5000, PLAN_DAY);
    plan_world_generation(cache, true, PLAN_HOUR, (const int[]){1, 0});
    plan_world_leftover(cache, LEFTOVER_INGEST, "half", 6000, PLAN_DAY);
    plan_world_sum(cache);
    for (size_t i = 0; i < LEN(cases); i++) {
        struct query query;
        query_init(&query);
        query.garbage = true;
        query.larger_than_bytes = cases[i].larger;
        query.smaller_than_bytes = cases[i].smaller;
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, cases[i].items);
        plan_free(plan);
        query.garbage = false;
        query.whole = query.all = true;
        query.larger_than_bytes = cases[i].items == 0 ? INT64_C(1) << 40 : 0;
        query.smaller_than_bytes = 0;
        plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, cases[i].items == 0 ? 0 : 1);
        plan_free(plan);
    }
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_bad_expressions),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_ids_of_records_alone),
        cmocka_unit_test(test_guesses_and_others),
        cmocka_unit_test(test_sizes_of_garbage),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
