/* Caches, generations and blobs that are asked for by name. */
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

static int try_services(const struct store *store, const char *const *names, size_t len,
                        struct plan **ret_plan, struct err *err)
{
    struct query query = plan_world_whole();
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
    plan_world_usual_cache(store, "a");
    plan_world_usual_cache(store, "b");
    plan_world_usual_cache(store, "c");
    assert_int_equal(try_services(store, (const char *[]){"a", "nope"}, 2, &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "nope"));
    assert_null(plan);
    /* A service of the project may have several caches, all its own. */
    rename_row(store, "/root/a", "api", true);
    rename_row(store, "/root/b", "api", true);
    rename_row(store, "/root/c", "api", false);
    assert_int_equal(try_services(store, (const char *[]){"api"}, 1, &plan, &err), 0);
    plan_world_expect(plan, (const char *[]){"/root/a", "/root/b"}, 2);
    plan_free(plan);
    /* Strangers of one name: which of them is not for us to guess. */
    rename_row(store, "/root/a", "api", false);
    rename_row(store, "/root/b", "web", true);
    plan = NULL;
    assert_int_equal(try_services(store, (const char *[]){"api"}, 1, &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "/root/c"));
    assert_int_equal(try_services(store, (const char *[]){"/root/c"}, 1, &plan, &err), 0);
    plan_world_expect(plan, (const char *[]){"/root/c"}, 1);
    plan_free(plan);
    store_free(store);
}

static void add_user(struct service *row, const char *name)
{
    row->users = mem_realloc(row->users, (row->users_len + 1) * sizeof *row->users);
    row->users[row->users_len++] =
        (struct service_user){mem_strdup(name), mem_strdup("latest"), true};
}

static void test_a_shared_directory_goes_when_all_are_named(void **state)
{
    struct store *store = store_new();
    struct plan *plan = NULL;
    struct err err;
    (void)state;
    plan_world_usual_cache(store, "api");
    struct service *other = store_put_service(store, "compose:web");
    other->name = mem_strdup("web");
    other->path = mem_strdup("/root/api");
    other->in_project = true;
    other->load = LOAD_DONE;
    struct service *owner = store_put_service(store, "/root/api");
    owner->same_path = mem_alloc(sizeof(char *));
    owner->same_path[owner->same_path_len++] = mem_strdup("web");
    add_user(owner, "api");
    add_user(owner, "web");
    static const char *const ones[] = {"web", "compose:web", "api", "/root/api"};
    for (size_t i = 0; i < LEN(ones); i++) {
        assert_int_equal(try_services(store, &ones[i], 1, &plan, &err), 0);
        assert_int_equal(plan->items_len, 0);
        const char *reason = plan_world_kept(plan, "/root/api")->reason;
        assert_non_null(strstr(reason, i < 2 ? "shares its directory with api"
                                             : "shares its directory with web"));
        plan_free(plan);
    }
    assert_int_equal(try_services(store, (const char *[]){"web", "api"}, 2, &plan, &err), 0);
    plan_world_expect(plan, (const char *[]){"/root/api"}, 1);
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
    plan_world_usual_cache(store, "api");
    struct plan *plan = plan_ids(store, (const char *[]){manifest, orphan + 7}, 2);
    plan_world_expect(plan, (const char *[]){manifest, orphan}, 2);
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
    } table[] = {{1, "current export"}, {2, "live"}, {5, "generations"}};
    struct store *store = store_new();
    (void)state;
    plan_world_usual_cache(store, "api");
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
        struct cache *cache = plan_world_usual_cache(store, "api");
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
    plan_world_usual_cache(store, "api");
    query_init(&query);
    query.ids = ids;
    query.ids_len = 1;
    assert_int_equal(plan_make(store, &query, PLAN_NOW, &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, ids[0]));
    assert_null(plan);
    store_free(store);
}

static void test_names_reach_people_clean(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_whole();
    (void)state;
    plan_world_usual_cache(store, "evil\x1b[2J");
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
        cmocka_unit_test(test_names_of_services),
        cmocka_unit_test(test_a_shared_directory_goes_when_all_are_named),
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
