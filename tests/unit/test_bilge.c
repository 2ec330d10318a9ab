/* The facade in a world of files: what it finds and follows. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/fake_cache.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/run_kit.h"

static void test_services_are_joined_with_directories(void **state)
{
    static const char *const names[] = {"orchestration", "ruby-worker", "rust-worker",
                                        "old-branch"};
    struct run *run = run_usual();
    (void)state;
    assert_int_equal(run->store->services_len, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct service *row = &run->store->services[i];
        char *path = run_path(run, names[i]);
        assert_string_equal(row->name, names[i]);
        assert_string_equal(row->id, path);
        assert_int_equal(row->in_project, i < 3);
        assert_int_equal(row->cache->state, i == 2 ? CACHE_MISSING : CACHE_OK);
        if (i != 2)
            assert_int_equal(row->cache->size_bytes, run_du(path));
        free(path);
    }
    assert_int_equal(run->store->roots_len, 1);
    assert_string_equal(run->store->roots[0].path, run->world->caches);
    assert_true(run->store->disks_len > 0);
    run_close(run);
}

static void test_the_engines_builder(void **state)
{
    struct run *run = run_usual();
    (void)state;
    const struct builder *builder = store_selected_builder(run->store);
    assert_string_equal(builder->name, "default");
    assert_true(builder->embedded);
    assert_true(builder->reachable);
    assert_string_equal(builder->version, "26.1.5");
    assert_int_equal(builder->records.len, 5);
    assert_int_equal(builder->records.size_bytes,
                     3100000000LL + 88000000 + 640000000 + 52000 + 1200000000);
    run_close(run);
}

static void test_no_engine_no_docker_no_project(void **state)
{
    struct run *run = run_new(world_new());
    (void)state;
    const struct fake_cache cache = {"api", 1, 100000, 1, 3600};
    world_add_cache(run->world, &cache);
    world_setenv(run->world, "PATH", "/nowhere");
    run_enter(run->world);
    run->roots[0] = run->world->caches;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 1);
    assert_int_equal(run_state(run, "api"), CACHE_OK);
    assert_int_equal(run->store->project_load, LOAD_FAILED);
    assert_non_null(run->store->project_error);
    assert_int_equal(run->store->builders_len, 1);
    assert_false(run->store->builders[0].reachable);
    assert_non_null(run->store->builders[0].error);
    run_close(run);
}

static void test_what_is_skipped_is_not_asked(void **state)
{
    struct run *run = run_new(world_new_usual());
    (void)state;
    run->options.skip_caches = run->options.skip_engine = run->options.skip_project = true;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 0);
    assert_int_equal(run->store->builders_len, 0);
    char *calls = world_docker_calls(run->world);
    assert_string_equal(calls, "");
    free(calls);
    run_close(run);
}

static void test_an_unknown_context_is_refused(void **state)
{
    struct run *run = run_new(world_new());
    struct err err = {0};
    (void)state;
    run->options.context = "nowhere";
    int code = bilge_open(&run->loop.loop, &run->options, run_on_change, run, &run->bilge, &err);
    assert_int_equal(code, ERR_USAGE);
    run->options.context = NULL;
    run_open(run);
    run_close(run);
}

static void write_config(const struct run *run, const char *services)
{
    char *json = mem_printf("{\"name\":\"p\",\"services\":{%s}}", services);
    file_write_text(run->world->docker, "config.json", json);
    file_write_text(run->world->project, "compose.yml", "# in sight\n");
    free(json);
}

static char *service_json(const char *name, const char *to)
{
    return to == NULL ? mem_printf("\"%s\":{\"build\":{\"context\":\"/x\"}}", name)
                      : mem_printf("\"%s\":{\"build\":{\"context\":\"/x\",\"cache_to\":"
                                   "[\"type=local,dest=%s\"]}}",
                                   name, to);
}

static void write_two(const struct run *run, const char *a_to, const char *b_to)
{
    char *a = service_json("a", a_to), *b = service_json("b", b_to);
    char *both = mem_printf("%s,%s", a, b);
    write_config(run, both);
    free(a);
    free(b);
    free(both);
}

static void test_two_services_share_a_directory(void **state)
{
    struct run *run = run_new(world_new());
    (void)state;
    char *path = run_path(run, "both");
    const struct fake_cache cache = {"both", 1, 100000, 1, 3600};
    world_add_cache(run->world, &cache);
    write_two(run, path, path);
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 2);
    const struct service *a = run_row(run, "a"), *b = run_row(run, "b");
    assert_string_equal(a->id, path);
    assert_int_equal(a->cache->state, CACHE_OK);
    assert_string_equal(a->same_path[0], "b");
    assert_string_equal(b->id, "compose:b");
    assert_string_equal(b->path, path);
    assert_string_equal(b->same_path[0], "a");
    assert_null(b->cache);
    free(path);
    run_close(run);
}

/* A service that reads from the caches `from` and writes to `to`; "" ends a list. */
static char *rotating_json(const struct run *run, const char *name, const char *const *from,
                           const char *const *to)
{
    struct buf json = {0};
    buf_printf(&json, "\"%s\":{\"build\":{\"context\":\"/x\",\"cache_from\":[\"registry/x\"", name);
    for (; **from != '\0'; from++)
        buf_printf(&json, ",\"type=local,src=%s/%s\"", run->world->caches, *from);
    buf_append_str(&json, "],\"cache_to\":[\"type=inline\"");
    for (; **to != '\0'; to++)
        buf_printf(&json, ",\"type=local,dest=%s/%s\"", run->world->caches, *to);
    buf_append_str(&json, "]}}");
    return buf_take(&json);
}

struct rotating {
    const char *name;
    const char *from[4], *to[4];
};

/* Opens a project of these services, up to one without a name, in a world that
 * has these caches, up to NULL. */
static struct run *open_rotating(const struct rotating *services, const char *const *caches)
{
    struct run *run = run_new(world_new());
    struct buf all = {0};
    for (; services->name != NULL; services++) {
        char *json = rotating_json(run, services->name, services->from, services->to);
        buf_printf(&all, "%s%s", all.len > 0 ? "," : "", json);
        free(json);
    }
    for (; *caches != NULL; caches++) {
        const struct fake_cache cache = {*caches, 1, 100000, 1, 3600};
        world_add_cache(run->world, &cache);
    }
    write_config(run, all.data);
    buf_done(&all);
    run->roots[0] = run->world->caches;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run_open(run);
    run_settle(run);
    return run;
}

static const struct service *row_of(const struct run *run, const char *cache)
{
    char *path = run_path(run, cache);
    const struct service *row = store_service(run->store, path);
    free(path);
    assert_non_null(row);
    return row;
}

static size_t count_rows(const struct run *run, const char *name)
{
    size_t count = 0;
    store_service_named(run->store, name, &count);
    return count;
}

static void test_what_is_read_from_belongs_to_the_service_too(void **state)
{
    static const struct rotating services[] = {{"web", {"old", "older", ""}, {"new", ""}}, {0}};
    struct run *run =
        open_rotating(services, (const char *const[]){"old", "older", "stranger", NULL});
    (void)state;
    static const char *const own[] = {"old", "older", "new"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(row_of(run, own[i])->in_project);
        assert_string_equal(row_of(run, own[i])->name, "web");
        assert_int_equal(row_of(run, own[i])->users_len, 1);
        assert_int_equal(row_of(run, own[i])->users[0].writes, i == 2);
        assert_int_equal(row_of(run, own[i])->same_path_len, 0);
    }
    assert_false(row_of(run, "stranger")->in_project);
    assert_int_equal(run->store->services_len, 4);
    run_close(run);
}

/* Whichever of them comes first by its name. */
static void test_a_directory_is_the_writers_and_names_its_readers(void **state)
{
    static const struct rotating services[] = {{"a-reader", {"base", ""}, {"a", ""}},
                                               {"base", {"base", ""}, {"base", ""}},
                                               {"only-reads", {"base", ""}, {""}},
                                               {"z-reader", {"base", ""}, {"z", ""}},
                                               {0}};
    struct run *run = open_rotating(services, (const char *const[]){"base", NULL});
    (void)state;
    const struct service *base = row_of(run, "base");
    assert_string_equal(base->name, "base");
    assert_int_equal(base->same_path_len, 0);
    assert_int_equal(base->users_len, 4);
    for (size_t i = 0; i < base->users_len; i++)
        assert_int_equal(service_only_reads(base, i), strcmp(base->users[i].name, "base") != 0);
    assert_int_equal(count_rows(run, "a-reader"), 1);
    assert_int_equal(count_rows(run, "z-reader"), 1);
    assert_null(run_row(run, "only-reads")->path);
    run_close(run);
}

static void test_readers_of_what_nobody_writes_share_it(void **state)
{
    static const struct rotating services[] = {
        {"a", {"both", ""}, {"a-new", ""}}, {"b", {"both", ""}, {"b-new", ""}}, {0}};
    struct run *run = open_rotating(services, (const char *const[]){"both", NULL});
    (void)state;
    assert_string_equal(row_of(run, "both")->name, "a");
    assert_string_equal(row_of(run, "both")->same_path[0], "b");
    assert_int_equal(count_rows(run, "b"), 2);
    assert_string_equal(store_service(run->store, "compose:b")->same_path[0], "a");
    run_close(run);
}

static void test_all_that_share_directories_are_named(void **state)
{
    static const struct rotating services[] = {{"a", {""}, {"one", "two", ""}},
                                               {"b", {""}, {"one", "two", ""}},
                                               {"c", {""}, {"two", ""}},
                                               {0}};
    struct run *run = open_rotating(services, (const char *const[]){"one", "two", NULL});
    (void)state;
    assert_int_equal(count_rows(run, "a"), 2);
    assert_int_equal(count_rows(run, "b"), 2); /* a row for each directory */
    assert_int_equal(count_rows(run, "c"), 1);
    assert_int_equal(row_of(run, "one")->same_path_len, 1);
    assert_int_equal(row_of(run, "two")->same_path_len, 2);
    const struct service *c = run_row(run, "c");
    assert_int_equal(c->same_path_len, 2);
    assert_string_equal(c->same_path[0], "a");
    assert_string_equal(c->same_path[1], "b");
    run_close(run);
}

/* A directory of a service's name is its own only when no other uses it. */
static void test_a_namesake_that_another_writes_to_is_not_taken(void **state)
{
    static const struct rotating services[] = {{"a", {""}, {""}}, {"z", {""}, {"a", ""}}, {0}};
    struct run *run = open_rotating(services, (const char *const[]){"a", NULL});
    (void)state;
    assert_string_equal(row_of(run, "a")->name, "z");
    assert_int_equal(row_of(run, "a")->same_path_len, 0);
    assert_string_equal(run_row(run, "a")->id, "compose:a");
    run_close(run);
}

static void test_a_shared_place_is_no_root(void **state)
{
    struct run *run = run_new(world_new());
    (void)state;
    char *in_project = path_join(run->world->project, "cache-a");
    char *other = path_join(run->world->project, "src");
    dir_make(run->world->project, "src");
    write_two(run, in_project, NULL);
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->roots_len, 1);
    assert_string_equal(run->store->roots[0].path, run->world->project);
    assert_string_equal(run->store->roots[0].only, "cache-a");
    assert_null(store_service(run->store, other)); /* not a cache of anybody */
    assert_int_equal(run_state(run, "a"), CACHE_MISSING);
    assert_null(run_row(run, "b")->path);
    free(in_project);
    free(other);
    run_close(run);
}

static void test_a_given_layout_and_its_own_root(void **state)
{
    struct run *run = run_new(world_new_usual());
    (void)state;
    char *layout = run_path(run, "ruby-worker");
    run->roots[0] = layout;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->roots_len, 1);
    assert_string_equal(run->store->roots[0].only, "ruby-worker");
    assert_int_equal(run_state(run, "ruby-worker"), CACHE_OK);
    /* The others' directories lie outside: not looked at, and it is said. */
    assert_int_equal(run_row(run, "orchestration")->cache->state, CACHE_UNREADABLE);
    assert_non_null(strstr(run_row(run, "orchestration")->cache->error, "outside"));
    assert_null(run_row(run, "old-branch"));
    free(layout);
    run_close(run);
}

static void test_a_root_under_two_names_counts_once(void **state)
{
    struct run *run = run_new(world_new_usual());
    (void)state;
    char *alias = path_join(run->world->path, "alias");
    assert_int_equal(symlink(run->world->caches, alias), 0);
    const char *roots[] = {alias, run->world->caches, alias};
    run->options.cache_roots = roots;
    run->options.cache_roots_len = 3;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->roots_len, 1);
    assert_int_equal(run->store->services_len, 4);
    free(alias);
    run_close(run);
}

static void test_a_directory_of_the_services_name(void **state)
{
    struct run *run = run_new(world_new());
    (void)state;
    const struct fake_cache cache = {"a", 1, 100000, 1, 3600};
    world_add_cache(run->world, &cache);
    write_two(run, NULL, NULL);
    run->roots[0] = run->world->caches;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 2);
    assert_true(run_row(run, "a")->in_project);
    assert_int_equal(run_state(run, "a"), CACHE_OK);
    assert_string_equal(run_row(run, "b")->id, "compose:b");
    run_close(run);
}

static void test_an_idle_loop_sleeps(void **state)
{
    struct run *run = run_usual();
    (void)state;
    uint64_t passes;
    size_t changes;
    do { /* first stirrings: watches, records of a start */
        changes = run->changes;
        loop_linger(&run->loop, 500);
        passes = run->passes;
    } while (run->changes != changes);
    loop_linger(&run->loop, 1500);
    /* Two passes are lingering's own; one look at the engine may fall into the
     * time, with its few passes and its one change. */
    assert_true(run->changes - changes <= 1);
    assert_true(run->passes - passes <= 15);
    run_close(run);
}

static void test_directories_come_and_go(void **state)
{
    struct run *run = run_usual();
    (void)state;
    const struct fake_cache caches[] = {{"new-one", 1, 100000, 1, 3600},
                                        {"rust-worker", 1, 100000, 1, 3600}};
    world_add_cache(run->world, &caches[0]);
    WAIT(run, run_state(run, "new-one") == CACHE_OK);
    world_add_cache(run->world, &caches[1]);
    WAIT(run, run_state(run, "rust-worker") == CACHE_OK);
    char *gone = run_path(run, "new-one"), *aside = path_join(run->world->path, "aside");
    assert_int_equal(rename(gone, aside), 0);
    WAIT(run, run_row(run, "new-one") == NULL);
    char *known = run_path(run, "rust-worker"), *aside2 = path_join(run->world->path, "aside2");
    assert_int_equal(rename(known, aside2), 0);
    WAIT(run, run_state(run, "rust-worker") == CACHE_MISSING);
    assert_non_null(run_row(run, "rust-worker"));
    free(gone);
    free(aside);
    free(known);
    free(aside2);
    run_close(run);
}

static void test_a_root_that_comes_later(void **state)
{
    struct run *run = run_new(world_new());
    (void)state;
    char *root = path_join(run->world->path, "later/deeper/root");
    run->roots[0] = root;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run->options.watch = true;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->roots[0].load, LOAD_FAILED); /* somebody named it */
    assert_non_null(strstr(run->store->roots[0].error, "no such file or directory"));
    dir_make(run->world->path, "later");
    loop_linger(&run->loop, 400);
    dir_make(run->world->path, "later/deeper/root");
    const struct fake_cache cache = {"api", 1, 100000, 1, 3600};
    loop_linger(&run->loop, 400);
    fake_cache_make(root, &cache);
    WAIT(run, run_state(run, "api") == CACHE_OK);
    assert_null(run->store->roots[0].error);
    free(root);
    run_close(run);
}

/* It goes, and another one comes in its place: by then nothing is known of the first. */
static void test_a_root_that_is_replaced(void **state)
{
    struct run *run = run_usual();
    char *aside = path_join(run->world->path, "aside");
    const struct fake_cache cache = {"new-one", 1, 100000, 1, 3600};
    (void)state;
    assert_int_equal(rename(run->world->caches, aside), 0);
    WAIT(run, run_state(run, "orchestration") == CACHE_MISSING &&
                  run_row(run, "old-branch") == NULL); /* each directory is looked at by itself */
    assert_null(run->store->roots[0].error);           /* the project's need not be there */
    dir_make(run->world->path, "caches");
    world_add_cache(run->world, &cache);
    WAIT(run, run_state(run, "new-one") == CACHE_OK);
    assert_int_equal(run->store->roots_len, 1);
    free(aside);
    run_close(run);
}

/* The project names its caches by a link; the directory's own name was given. */
static void test_a_project_that_goes_by_a_link(void **state)
{
    struct run *run = run_new(world_new());
    const struct fake_cache cache = {"a", 1, 100000, 1, 3600};
    char *link = path_join(run->world->path, "link"), *path = path_join(link, "a");
    (void)state;
    assert_int_equal(symlink("caches", link), 0);
    world_add_cache(run->world, &cache);
    write_two(run, path, NULL);
    for (int given = 0; given < 2; given++) {
        run->roots[0] = run->world->caches;
        run->options.cache_roots = run->roots;
        run->options.cache_roots_len = (size_t)given;
        run_open(run);
        run_settle(run);
        assert_int_equal(run->store->services_len, 2);
        assert_int_equal(run->store->roots_len, 1);
        assert_string_equal(run->store->roots[0].path, run->world->caches);
        char *real = run_path(run, "a");
        assert_string_equal(run_row(run, "a")->path, real);
        assert_int_equal(run_state(run, "a"), CACHE_OK);
        free(real);
        if (given == 0)
            run_reopen(run);
    }
    free(link);
    free(path);
    run_close(run);
}

/* A cache that was named by itself is pruned: there may be a new one soon. */
static void test_a_single_cache_goes_and_comes(void **state)
{
    struct run *run = run_new(world_new_usual());
    const struct fake_cache cache = {"old-branch", 1, 100000, 1, 3600};
    char *path = run_path(run, "old-branch"), *aside = path_join(run->world->path, "aside");
    (void)state;
    run->roots[0] = path;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run->options.watch = run->options.skip_project = true;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 1);
    assert_int_equal(rename(path, aside), 0);
    WAIT(run, run->store->services_len == 0);
    bilge_rescan(run->bilge, NULL);
    run_settle(run);
    assert_null(run->store->roots[0].error);
    world_add_cache(run->world, &cache);
    WAIT(run, run_state(run, "old-branch") == CACHE_OK);
    free(path);
    free(aside);
    run_close(run);
}

static void test_the_engine_comes_later(void **state)
{
    struct run *run = run_new(world_new_usual());
    (void)state;
    run->options.watch = true;
    run_open(run);
    run_settle(run);
    assert_false(run->store->builders[0].reachable);
    world_start_engine(run->world);
    WAIT(run, run->store->builders[0].reachable);
    assert_int_equal(run->store->builders[0].records.len, 5);
    world_stop_engine(run->world);
    WAIT(run, !run->store->builders[0].reachable);
    run_close(run);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_are_joined_with_directories),
        cmocka_unit_test(test_the_engines_builder),
        cmocka_unit_test(test_no_engine_no_docker_no_project),
        cmocka_unit_test(test_what_is_skipped_is_not_asked),
        cmocka_unit_test(test_an_unknown_context_is_refused),
        cmocka_unit_test(test_two_services_share_a_directory),
        cmocka_unit_test(test_what_is_read_from_belongs_to_the_service_too),
        cmocka_unit_test(test_a_directory_is_the_writers_and_names_its_readers),
        cmocka_unit_test(test_readers_of_what_nobody_writes_share_it),
        cmocka_unit_test(test_all_that_share_directories_are_named),
        cmocka_unit_test(test_a_namesake_that_another_writes_to_is_not_taken),
        cmocka_unit_test(test_a_shared_place_is_no_root),
        cmocka_unit_test(test_a_given_layout_and_its_own_root),
        cmocka_unit_test(test_a_root_under_two_names_counts_once),
        cmocka_unit_test(test_a_directory_of_the_services_name),
        cmocka_unit_test(test_an_idle_loop_sleeps),
        cmocka_unit_test(test_directories_come_and_go),
        cmocka_unit_test(test_a_root_that_comes_later),
        cmocka_unit_test(test_a_root_that_is_replaced),
        cmocka_unit_test(test_a_project_that_goes_by_a_link),
        cmocka_unit_test(test_a_single_cache_goes_and_comes),
        cmocka_unit_test(test_the_engine_comes_later),
    };
    limit_program(120);
    signal(SIGPIPE, SIG_IGN); /* as the program does: an engine may die */
    return cmocka_run_group_tests_name("bilge", tests, NULL, NULL);
}
