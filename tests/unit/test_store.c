/* The store: rows are found, ordered, replaced; builds of no more use go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store/store.h"
#include "tests/support/limit.h"

static struct service *add_row(struct store *store, const char *id, const char *name)
{
    struct service *row = store_put_service(store, id);
    row->name = mem_strdup(name);
    return row;
}

static void test_rows_are_found_by_id_and_name(void **state)
{
    struct store *store = store_new();
    size_t count = 9;
    (void)state;
    add_row(store, "/a/api", "api");
    add_row(store, "/b/api", "api");
    assert_ptr_equal(store_service(store, "/b/api"), &store->services[1]);
    assert_null(store_service(store, "/c/api"));
    assert_ptr_equal(store_service_named(store, "api", &count), &store->services[0]);
    assert_int_equal(count, 2);
    assert_null(store_service_named(store, "web", &count));
    assert_int_equal(count, 0);
    assert_ptr_equal(store_put_service(store, "/a/api"), &store->services[0]);
    assert_int_equal(store->services_len, 2);
    store_free(store);
}

/* Is each row where it is looked for, and is nothing else found? */
static void check_rows(const struct store *store, size_t made)
{
    char id[32];
    size_t found = 0;
    for (size_t i = 0; i < store->services_len; i++)
        assert_ptr_equal(store_service(store, store->services[i].id), &store->services[i]);
    for (size_t i = 0; i < made; i++) {
        snprintf(id, sizeof id, "/cache/%zu", i);
        found += store_service(store, id) != NULL;
    }
    assert_int_equal(found, store->services_len);
}

static void test_rows_are_found_whatever_becomes_of_them(void **state)
{
    struct store *store = store_new();
    char id[32];
    size_t made = 0;
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++) {
            snprintf(id, sizeof id, "/cache/%zu", made++);
            add_row(store, id, id + 7 + i % 3); /* not in the order of ids */
        }
        check_rows(store, made);
        for (size_t i = store->services_len; i-- > 0;)
            if (i % 3 == (size_t)round)
                store_remove_service(store, store->services[i].id);
        check_rows(store, made);
        store_sort_services(store);
        check_rows(store, made);
        for (int i = 0; i < 70; i++)
            store_remove_service(store, store->services[0].id);
        check_rows(store, made);
    }
    store_free(store);
}

static void test_every_change_moves_the_revision(void **state)
{
    struct store *store = store_new();
    struct records records = {0};
    uint64_t last = store->revision;
    (void)state;
#define MOVES(call)                                                                                \
    do {                                                                                           \
        call;                                                                                      \
        assert_true(store->revision > last);                                                       \
        last = store->revision;                                                                    \
    } while (0)
    MOVES(store_touch(store));
    MOVES(store_put_service(store, "/a/x"));
    MOVES(store_set_cache(store, "/a/x", mem_zalloc(sizeof(struct cache))));
    MOVES(store_remove_service(store, "/a/x"));
    MOVES(store_put_root(store, "/a", NULL));
    MOVES(store_put_builder(store, "default"));
    MOVES(store_set_records(store, "default", &records));
    MOVES(store_remove_builder(store, "default"));
    MOVES(store_put_disk(store, 1, "/a"));
    MOVES(store_clear_disks(store));
    MOVES(store_set_project(store, NULL));
    MOVES(store_add_build(store, build_new(1, NULL, 0, "x", 65536)));
    MOVES(store_start_prune(store, 1, 1));
    MOVES(store_add_failure(store, "id", "why"));
    MOVES(store_sort_services(store));
    store_free(store);
}

static struct compose_project *make_project(const char *const *names, size_t len)
{
    struct compose_project *project = mem_zalloc(sizeof *project);
    project->services = mem_zalloc(len * sizeof *project->services);
    project->services_len = len;
    for (size_t i = 0; i < len; i++)
        project->services[i].name = mem_strdup(names[i]);
    return project;
}

static void test_projects_rows_come_first_in_its_order(void **state)
{
    static const char *const names[] = {"web", "api"};
    static const char *const expected[] = {"/r/web", "/r/api", "/r/aaa", "/q/zzz", "/r/zzz"};
    struct store *store = store_new();
    (void)state;
    store_set_project(store, make_project(names, 2));
    add_row(store, "/r/zzz", "zzz");
    add_row(store, "/r/api", "api")->in_project = true;
    add_row(store, "/q/zzz", "zzz");
    add_row(store, "/r/aaa", "aaa");
    add_row(store, "/r/web", "web")->in_project = true;
    store_sort_services(store);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(store->services[i].id, expected[i]);
    store_free(store);
}

static void test_removing_a_row_by_its_own_id(void **state)
{
    struct store *store = store_new();
    (void)state;
    add_row(store, "/r/a", "a");
    add_row(store, "/r/b", "b");
    add_row(store, "/r/c", "c");
    store_remove_service(store, store->services[1].id);
    assert_int_equal(store->services_len, 2);
    assert_string_equal(store->services[1].id, "/r/c");
    store_remove_service(store, "/r/none");
    assert_int_equal(store->services_len, 2);
    store_free(store);
}

static void test_roots_are_kept_once(void **state)
{
    struct store *store = store_new();
    (void)state;
    store_put_root(store, "/tmp", "a");
    store_put_root(store, "/tmp", "b");
    store_put_root(store, "/tmp", "a");
    store_put_root(store, "/tmp", NULL);
    store_put_root(store, "/tmp", NULL);
    assert_int_equal(store->roots_len, 3);
    store_free(store);
}

static void test_settled_when_all_have_answered(void **state)
{
    struct store *store = store_new();
    (void)state;
    assert_false(store_settled(store));
    store->project_load = LOAD_FAILED;
    assert_false(store_settled(store));
    store->builders_load = LOAD_DONE;
    assert_false(store_gathered(store));
    store->recipes_load = LOAD_DONE;
    assert_false(store_settled(store));
    assert_true(store_gathered(store));
    store->history_load = LOAD_FAILED;
    assert_false(store_settled(store));
    store->known_load = LOAD_FAILED;
    assert_true(store_settled(store));
    store->scanning = true;
    assert_false(store_settled(store));
    store->scanning = false;
    store_put_root(store, "/r", NULL);
    assert_false(store_settled(store));
    store->roots[0].load = LOAD_DONE;
    store_put_builder(store, "default");
    assert_false(store_settled(store));
    store->builders[0].load = LOAD_FAILED;
    store_put_service(store, "/r/a");
    assert_false(store_settled(store));
    store_set_cache(store, "/r/a", NULL);
    assert_true(store_settled(store));
    store_free(store);
}

static void test_the_selected_builder_or_the_first(void **state)
{
    struct store *store = store_new();
    (void)state;
    assert_null(store_selected_builder(store));
    store_put_builder(store, "a");
    store_put_builder(store, "b");
    assert_string_equal(store_selected_builder(store)->id, "a");
    store->builders[1].selected = true;
    assert_string_equal(store_selected_builder(store)->id, "b");
    store_free(store);
}

static void test_records_move_into_the_builder(void **state)
{
    struct store *store = store_new();
    struct records records = {.items = mem_zalloc(sizeof(struct record)), .len = 1};
    (void)state;
    records.items[0].id = mem_strdup("x");
    store_put_builder(store, "default")->error = mem_strdup("was down");
    store_set_records(store, "default", &records);
    assert_int_equal(records.len, 0);
    assert_null(records.items);
    const struct builder *builder = store_builder(store, "default");
    assert_int_equal(builder->records.len, 1);
    assert_true(builder->reachable);
    assert_null(builder->error);
    assert_int_equal(builder->load, LOAD_DONE);
    store_free(store);
}

static struct build *add_build(struct store *store, uint64_t id, const char *a, const char *b,
                               enum build_state state)
{
    const char *services[] = {a, b};
    size_t len = (size_t)(a != NULL) + (b != NULL);
    struct build *build = build_new(id, services, len, "docker compose build", 65536);
    build->state = state;
    store_add_build(store, build);
    return build;
}

static void test_the_last_build_of_each_service_stays(void **state)
{
    struct store *store = store_new();
    (void)state;
    add_build(store, 1, "api", "web", BUILD_DONE);
    add_build(store, 2, "api", NULL, BUILD_FAILED);
    assert_int_equal(store->builds_len, 2); /* web was built by the first alone */
    add_build(store, 3, "web", NULL, BUILD_DONE);
    assert_int_equal(store->builds_len, 2);
    assert_null(store_build(store, 1));
    assert_int_equal(store_last_build(store, "api")->id, 2);
    assert_int_equal(store_last_build(store, "web")->id, 3);
    assert_null(store_last_build(store, "db"));
    add_build(store, 4, NULL, NULL, BUILD_DONE); /* all */
    assert_int_equal(store->builds_len, 1);
    assert_int_equal(store_last_build(store, "db")->id, 4);
    store_free(store);
}

static void test_a_running_build_is_never_dropped(void **state)
{
    struct store *store = store_new();
    (void)state;
    add_build(store, 1, "api", NULL, BUILD_RUNNING);
    add_build(store, 2, "web", NULL, BUILD_STOPPING);
    add_build(store, 3, NULL, NULL, BUILD_DONE);
    assert_int_equal(store->builds_len, 3);
    store_free(store);
}

static void test_a_new_prune_forgets_the_last_one(void **state)
{
    struct store *store = store_new();
    (void)state;
    store_start_prune(store, 3, 300);
    store_add_failure(store, "x", "busy");
    store->prune.freed_bytes = 7;
    store->prune.cancelled = true;
    store_start_prune(store, 2, 200);
    assert_int_equal(store->prune.state, PRUNE_RUNNING);
    assert_int_equal(store->prune.failures_len, 0);
    assert_int_equal(store->prune.freed_bytes, 0);
    assert_int_equal(store->prune.items, 2);
    assert_false(store->prune.cancelled);
    store_free(store);
}

static void test_busy_signs(void **state)
{
    struct cache cache = {.state = CACHE_OK};
    struct service row = {.cache = &cache};
    (void)state;
    assert_null(service_busy_sign(&row));
    cache.state = CACHE_BUSY;
    assert_non_null(service_busy_sign(&row)); /* even when the scan gave no words */
    cache.busy_sign = (char *)"ingest";
    assert_string_equal(service_busy_sign(&row), "ingest");
    row.busy_sign = (char *)"our build";
    assert_string_equal(service_busy_sign(&row), "our build");
    row.cache = NULL;
    row.busy_sign = NULL;
    assert_null(service_busy_sign(&row));
}

static void test_forecast_in_words(void **state)
{
    static const struct {
        int64_t full_in_s, builds;
        const char *words; /* NULL: nothing */
    } cases[] = {
        {0, 0, NULL},
        {6 * 3600 + 60, 0, "full in ~6 h"},
        {6 * 3600 + 60, 9, "full in ~6 h / 9 builds"},
        {0, 9, "full in ~9 builds"},
        {0, 1, "full in ~1 build"},
        {-60, 1, "full in ~0 s / 1 build"}, /* it should be by now */
    };
    const int64_t now = INT64_C(1790000000) * CLOCK_SECOND;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct disk disk = {.full_builds = cases[i].builds};
        struct buf words = {0};
        if (cases[i].full_in_s != 0)
            disk.full_at = now + cases[i].full_in_s * CLOCK_SECOND;
        assert_int_equal(disk_say_forecast(&disk, now, &words), cases[i].words != NULL);
        if (cases[i].words != NULL)
            assert_string_equal(words.data, cases[i].words);
        buf_done(&words);
    }
}

static void test_the_worst_disk(void **state)
{
    static const struct {
        struct disk disks[3];
        int worst; /* -1: none */
    } cases[] = {
        {{{0}}, -1}, /* of unknown size */
        {{{.total_bytes = 100, .free_bytes = 50}, {.total_bytes = 100, .free_bytes = 40}}, 1},
        /* The share counts, not the bytes. */
        {{{.total_bytes = 1000, .free_bytes = 100}, {.total_bytes = 10, .free_bytes = 5}}, 0},
        {{{.total_bytes = 100, .free_bytes = 5},
          {.total_bytes = 1000, .free_bytes = 90, .alarm = DISK_AMBER}},
         1},
        {{{.total_bytes = 100, .free_bytes = 5, .alarm = DISK_AMBER},
          {.total_bytes = 0, .alarm = DISK_RED},
          {.total_bytes = 1000, .free_bytes = 90, .alarm = DISK_RED}},
         2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store store = {.disks = (struct disk *)cases[i].disks, .disks_len = 3};
        const struct disk *worst = store_worst_disk(&store);
        assert_ptr_equal(worst, cases[i].worst < 0 ? NULL : &store.disks[cases[i].worst]);
    }
}

static void add_sized(struct store *store, const char *path, int64_t bytes)
{
    struct cache *cache = mem_zalloc(sizeof *cache);
    cache->path = mem_strdup(path);
    cache->size_bytes = bytes;
    store_set_cache(store, path, cache);
}

/* "app-1" sorts between "app" and "app/sub" where a slash is a letter like others. */
static void test_a_cache_in_a_cache_is_counted_once(void **state)
{
    struct store *store = store_new();
    (void)state;
    add_sized(store, "/root/app/sub/deep", 1);
    add_sized(store, "/root/app-1", 10);
    add_sized(store, "/root/app", 100);
    add_sized(store, "/root/app/sub", 20);
    add_sized(store, "/root/application", 1000);
    add_sized(store, "/root/app-1/x", 3);
    assert_int_equal(24, store_nested_size(store));
    assert_int_equal(1110, store_caches_size(store));
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forecast_in_words),
        cmocka_unit_test(test_the_worst_disk),
        cmocka_unit_test(test_rows_are_found_by_id_and_name),
        cmocka_unit_test(test_rows_are_found_whatever_becomes_of_them),
        cmocka_unit_test(test_every_change_moves_the_revision),
        cmocka_unit_test(test_projects_rows_come_first_in_its_order),
        cmocka_unit_test(test_removing_a_row_by_its_own_id),
        cmocka_unit_test(test_roots_are_kept_once),
        cmocka_unit_test(test_settled_when_all_have_answered),
        cmocka_unit_test(test_the_selected_builder_or_the_first),
        cmocka_unit_test(test_records_move_into_the_builder),
        cmocka_unit_test(test_the_last_build_of_each_service_stays),
        cmocka_unit_test(test_a_running_build_is_never_dropped),
        cmocka_unit_test(test_a_new_prune_forgets_the_last_one),
        cmocka_unit_test(test_busy_signs),
        cmocka_unit_test(test_a_cache_in_a_cache_is_counted_once),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
