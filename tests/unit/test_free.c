/* "Free N": the chosen part frees enough, closed under what needs what, and its
 * loss is near the best that trying every part with the real planner finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

#define MB INT64_C(1000000)

static struct query free_query(int64_t bytes)
{
    struct query query;
    query_init(&query);
    query.whole = query.live = query.garbage = query.records = true;
    query.free_bytes = bytes;
    return query;
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static struct plan *gather(const struct store *store, const struct query *query)
{
    struct plan *plan = NULL;
    struct err err = {0};
    if (plan_gather(store, query, PLAN_NOW, &plan, &err) < 0)
        fail_msg("no plan: %s", err.text);
    return plan;
}

static double loss_of(const struct plan *plan)
{
    double loss = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        loss += plan->items[i].loss;
    return loss;
}

/* ------------------------------------------------------- trying every part */

/* Children go before their parents. */
static bool is_closed(const struct plan *plan, unsigned part)
{
    for (size_t i = 0; i < plan->items_len; i++)
        for (size_t j = 0; (part >> i & 1) == 0 && j < plan->items[i].parents_len; j++)
            for (size_t k = 0; k < plan->items_len; k++)
                if ((part >> k & 1) != 0 &&
                    strcmp(plan->items[k].id, plan->items[i].parents[j]) == 0)
                    return false;
    return true;
}

/* No part of a cache beside the whole of it. */
static bool is_double(const struct plan *plan, unsigned part)
{
    for (size_t i = 0; i < plan->items_len; i++)
        for (size_t j = 0; j < plan->items_len; j++)
            if (i != j && (part >> i & 1) != 0 && (part >> j & 1) != 0 &&
                plan->items[i].kind == ITEM_SERVICE && plan->items[j].service_id != NULL &&
                strcmp(plan->items[i].service_id, plan->items[j].service_id) == 0)
                return true;
    return false;
}

/* What a whole cache loses: its garbage's loss too. */
static double loss_of_part(const struct plan *plan, unsigned part)
{
    double loss = 0;
    for (size_t i = 0; i < plan->items_len; i++) {
        bool gone = (part >> i & 1) != 0;
        for (size_t j = 0; j < plan->items_len && !gone; j++)
            gone = (part >> j & 1) != 0 && plan->items[j].kind == ITEM_SERVICE &&
                   plan->items[i].service_id != NULL &&
                   strcmp(plan->items[i].service_id, plan->items[j].service_id) == 0;
        loss += gone ? plan->items[i].loss : 0;
    }
    return loss;
}

static int64_t bytes_of_part(const struct plan *plan, unsigned part)
{
    struct plan view = *plan;
    view.items = mem_alloc((plan->items_len + 1) * sizeof *view.items);
    view.items_len = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        if ((part >> i & 1) != 0)
            view.items[view.items_len++] = plan->items[i];
    plan_count(&view);
    free(view.items);
    return view.planned_bytes;
}

/* The least loss of all parts that free enough; -1: none does. */
static double best_loss(const struct plan *plan, int64_t wanted_bytes)
{
    double best = -1;
    for (unsigned part = 0; part < 1u << plan->items_len; part++) {
        if (!is_closed(plan, part) || is_double(plan, part) ||
            bytes_of_part(plan, part) < wanted_bytes)
            continue;
        double loss = loss_of_part(plan, part);
        if (best < 0 || loss < best)
            best = loss;
    }
    return best;
}

/* ---------------------------------------------------------- worlds to choose in */

/* A cache with three generations that share blobs, an orphan perhaps; some of
 * the files have a second name in another cache. */
static void add_cache(struct store *store, const char *name, int first, unsigned *seed)
{
    struct cache *cache = plan_world_cache(store, name);
    for (int i = first; i < first + 7; i++)
        plan_world_blob(cache, i, (int64_t)(1 + next_random(seed) % 400) * MB,
                        (int)(next_random(seed) % (9 * PLAN_DAY)));
    const int live[] = {first, first + 1, 0};
    const int newer[] = {first + 2, first + 1, first + 3, 0};
    const int older[] = {first + 4, first + 3, first + 5, 0};
    plan_world_generation(cache, true, (int)(next_random(seed) % (9 * PLAN_DAY)), live);
    plan_world_generation(cache, false, 10 * PLAN_DAY, newer);
    plan_world_generation(cache, false, 11 * PLAN_DAY, older);
}

/* The same file in both caches, under the same digest or not. */
static void link_blobs(struct cache *a, size_t i, struct cache *b, size_t j)
{
    b->blobs[j].ino = a->blobs[i].ino;
    a->blobs[i].nlink = b->blobs[j].nlink = 2;
    b->blobs[j].allocated_bytes = a->blobs[i].allocated_bytes;
}

static struct store *small_world(unsigned *seed)
{
    struct store *store = store_new();
    add_cache(store, "api", 1, seed);
    add_cache(store, "gone", 11, seed);
    struct cache *api = store_put_service(store, "/root/api")->cache;
    struct cache *gone = store_put_service(store, "/root/gone")->cache;
    for (int i = 0; i < 3; i++)
        if (next_random(seed) % 2)
            link_blobs(api, next_random(seed) % 2 * 3 + (unsigned)i, gone,
                       (unsigned)i * 2 + next_random(seed) % 2);
    plan_world_sum(api);
    plan_world_sum(gone);
    store_put_service(store, "/root/gone")->in_project = false;
    store->project = mem_zalloc(sizeof *store->project);
    store->known_load = LOAD_DONE;
    store->abandoned_after_s = 1;
    struct builder *builder = plan_world_builder(store, "default");
    char id[16], parent[16];
    for (unsigned i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "r%u", i);
        snprintf(parent, sizeof parent, "r%u", i > 0 ? next_random(seed) % i : 0);
        struct record *record =
            plan_world_record(builder, id, i > 0 && next_random(seed) % 3 ? parent : NULL,
                              (int)(next_random(seed) % (20 * PLAN_DAY)));
        record->size_bytes = (int64_t)(next_random(seed) % 500) * MB;
        if (next_random(seed) % 4 == 0)
            mem_replace(&record->type, "exec.cachemount");
    }
    return store;
}

static void costs_within_three_percent_of_the_best_on_average(void **state)
{
    unsigned seed = 7;
    double excess = 0;
    int compared = 0;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct store *store = small_world(&seed);
        struct query query = free_query(1);
        struct plan *all = gather(store, &query);
        int64_t total = 0;
        for (unsigned part = 0; part < 1u << all->items_len; part++)
            if (is_closed(all, part) && !is_double(all, part) && bytes_of_part(all, part) > total)
                total = bytes_of_part(all, part);
        query.free_bytes = 1 + (int64_t)((double)total * (next_random(&seed) % 100) / 100);
        double best = best_loss(all, query.free_bytes);
        struct plan *plan = plan_world_make(store, &query);
        assert_true(plan->planned_bytes >= query.free_bytes);
        if (best > 0) {
            excess += loss_of(plan) / best - 1;
            compared++;
        }
        plan_free(plan);
        query.free_bytes = total + 1;
        plan = plan_world_make(store, &query); /* all that there is */
        assert_int_equal(plan->planned_bytes, total);
        plan_free(plan);
        plan_free(all);
        store_free(store);
    }
    assert_true(compared > 40);
    assert_true(excess / compared < 0.03);
}

static struct store *large_world(size_t items, unsigned *seed)
{
    struct store *store = store_new();
    char name[24], parent[24];
    struct builder *builder = plan_world_builder(store, "default");
    for (size_t i = 0; i < items; i++) {
        snprintf(name, sizeof name, "r%zu", i);
        snprintf(parent, sizeof parent, "r%zu", i > 0 ? next_random(seed) % i : 0);
        plan_world_record(builder, name, i % 5 != 0 ? parent : NULL,
                          (int)(next_random(seed) % (60 * PLAN_DAY)))
            ->size_bytes = (int64_t)(next_random(seed) % 3000) * MB;
    }
    return store;
}

static void test_two_thousand_items(void **state)
{
    unsigned seed = 11;
    (void)state;
    struct store *store = large_world(1400, &seed);
    char name[24];
    for (int i = 0; i < 200; i++) { /* garbage, generations and whole caches: 600 */
        snprintf(name, sizeof name, "s%d", i);
        add_cache(store, name, 1, &seed);
    }
    for (size_t i = 0; i < store->services_len; i++)
        plan_world_sum(store->services[i].cache);
    struct query query = free_query(1);
    struct plan *all = gather(store, &query);
    assert_true(all->items_len >= 2000);
    plan_free(all);
    for (int64_t wanted = 1; wanted < 500000 * MB; wanted = wanted * 10 + 7) {
        clock_t start = clock();
        query.free_bytes = wanted;
        struct plan *plan = plan_world_make(store, &query);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        assert_true(plan->planned_bytes >= wanted);
        assert_int_equal(plan->kept_len, 0);
        if (seconds > 20)
            fail_msg("%lld bytes took %f s", (long long)wanted, seconds);
        plan_free(plan);
    }
    store_free(store);
}

/* ------------------------------------------------------------ what goes first */

static void test_garbage_first_live_last(void **state)
{
    (void)state;
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "api");
    const int live[] = {1, 0}, older[] = {2, 0};
    plan_world_blob(cache, 1, 500 * MB, 60);
    plan_world_blob(cache, 2, 300 * MB, PLAN_DAY);
    plan_world_blob(cache, 3, 100 * MB, PLAN_DAY); /* an orphan */
    plan_world_generation(cache, true, 60, live);
    plan_world_generation(cache, false, PLAN_DAY, older);
    plan_world_sum(cache);
    struct builder *builder = plan_world_builder(store, "default");
    plan_world_record(builder, "old", NULL, 30 * PLAN_DAY)->size_bytes = 200 * MB;
    plan_world_record(builder, "young", NULL, 60)->size_bytes = 200 * MB;
    static const struct {
        int64_t wanted_mb;
        const char *ids[5];
    } table[] = {
        {90, {"orphan"}},
        {350, {"orphan", "older"}},
        {550, {"orphan", "older", "old"}},
        {750, {"orphan", "older", "old", "young"}},
        {1100, {"/root/api", "old"}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct query query = free_query(table[i].wanted_mb * MB);
        struct plan *plan = plan_world_make(store, &query);
        size_t expected = 0;
        for (; expected < 5 && table[i].ids[expected] != NULL; expected++) {
            const char *id = table[i].ids[expected];
            const char *real = strcmp(id, "orphan") == 0  ? plan_world_digest(3)
                               : strcmp(id, "older") == 0 ? plan_world_digest(2)
                                                          : id;
            if (plan_world_item(plan, real) == NULL)
                fail_msg("%lld MB: %s is not in the plan", (long long)table[i].wanted_mb, id);
        }
        assert_int_equal(plan->items_len, expected);
        plan_free(plan);
    }
    store_free(store);
}

static void test_explains_and_knows_how_long_steps_took(void **state)
{
    (void)state;
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    plan_world_record(builder, "quick", NULL, PLAN_DAY)->size_bytes = 100 * MB;
    plan_world_record(builder, "slow", NULL, PLAN_DAY)->size_bytes = 100 * MB;
    struct build *build = build_new(1, NULL, 0, "docker compose build", 1000);
    const char *const names[] = {"[api 1/2] RUN quick",
                                 "[api 2/2] RUN --mount=type=cache,target=/x  slow"};
    for (int i = 0; i < 2; i++) {
        struct step *step = build_step(build, i + 1);
        build_name_step(build, step, names[i], strlen(names[i]));
        step_end(step, STEP_DONE, i == 0 ? 2000 : 192000, 0);
    }
    store_add_build(store, build);
    struct query query = free_query(100 * MB);
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1);
    assert_string_equal(plan->items[0].id, "quick");
    assert_non_null(strstr(plan->items[0].reason, "used 24 h ago; about 2.0 s to make again"));
    plan_free(plan);
    struct history_step_time *remembered = mem_alloc(sizeof *remembered);
    *remembered = (struct history_step_time){mem_strdup("RUN quick"), 900000};
    store_set_step_times(store, remembered, 1); /* it took longer once */
    plan = plan_world_make(store, &query);
    assert_string_equal(plan->items[0].id, "slow");
    plan_free(plan);
    store_free(store);
}

/* ----------------------------------------------------------- what may not go */

static void test_short_says_what_is_kept(void **state)
{
    (void)state;
    struct store *store = store_new();
    struct cache *cache = plan_world_cache(store, "busy");
    const int live[] = {1, 0};
    plan_world_blob(cache, 1, 500 * MB, 60);
    plan_world_generation(cache, true, 60, live);
    plan_world_sum(cache);
    mem_replace(&store_put_service(store, "/root/busy")->busy_sign, "bilge builds it now");
    struct builder *builder = plan_world_builder(store, "default");
    plan_world_record(builder, "free", NULL, 60);
    plan_world_record(builder, "pinned", NULL, 60);
    plan_world_record(builder, "used", "pinned", 60)->in_use = true;
    struct query query = free_query(1000 * MB);
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->wanted_bytes, 1000 * MB);
    assert_int_equal(plan->planned_bytes, 100);
    assert_int_equal(plan->items_len, 1);
    assert_int_equal(plan->kept_len, 3);
    assert_true(plan_world_kept(plan, "/root/busy")->busy);
    assert_int_equal(plan_world_kept(plan, "/root/busy")->size_bytes, 500 * MB);
    plan_free(plan);
    store_free(store);
}

static void test_live_ones_and_other_disks_can_be_kept(void **state)
{
    (void)state;
    struct store *store = store_new();
    const int live[] = {1, 0};
    static const char *const names[] = {"here", "there", "gone"};
    for (size_t i = 0; i < 3; i++) {
        struct cache *cache = plan_world_cache(store, names[i]);
        plan_world_blob(cache, 1, 500 * MB, 60);
        plan_world_generation(cache, true, 60, live);
        cache->dev = i == 1 ? 8 : 7;
        plan_world_sum(cache);
    }
    store_put_service(store, "/root/gone")->in_project = false;
    struct builder *builder = plan_world_builder(store, "default");
    plan_world_record(builder, "record", NULL, 60);
    struct query query = free_query(5000 * MB);
    query.live = false;
    store->known_load = LOAD_DONE;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 1); /* without a project any may be a service's */
    assert_non_null(strstr(plan_world_kept(plan, "/root/here")->reason, "current cache"));
    plan_free(plan);
    store->project = mem_zalloc(sizeof *store->project);
    store->abandoned_after_s = 30;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 2);
    assert_non_null(plan_world_item(plan, "/root/gone"));
    plan_free(plan);
    query.live = true;
    query.disk_dev = 7;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 2); /* the record lies who knows where */
    assert_null(plan_world_item(plan, "/root/there"));
    plan_free(plan);
    builder->disk_dev = 7;
    plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 3);
    plan_free(plan);
    store_free(store);
}

static void test_age_and_scopes_hold(void **state)
{
    (void)state;
    struct store *store = small_world(&(unsigned){3});
    struct query query = free_query(INT64_MAX / 4);
    query.older_than_s = 300 * PLAN_DAY;
    struct plan *plan = plan_world_make(store, &query);
    assert_int_equal(plan->items_len, 0);
    plan_free(plan);
    query.older_than_s = -1;
    query.whole = query.live = query.garbage = false;
    plan = plan_world_make(store, &query);
    for (size_t i = 0; i < plan->items_len; i++)
        assert_int_equal(plan->items[i].kind, ITEM_RECORD);
    assert_int_equal(plan->items_len, 5);
    plan_free(plan);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_within_three_percent_of_the_best_on_average),
        cmocka_unit_test(test_two_thousand_items),
        cmocka_unit_test(test_garbage_first_live_last),
        cmocka_unit_test(test_explains_and_knows_how_long_steps_took),
        cmocka_unit_test(test_short_says_what_is_kept),
        cmocka_unit_test(test_live_ones_and_other_disks_can_be_kept),
        cmocka_unit_test(test_age_and_scopes_hold),
    };
    limit_program(120);
    return cmocka_run_group_tests_name("free", tests, NULL, NULL);
}
