/* The facade in a world of files: what it finds, follows, plans and removes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/bilge.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"
#include "tests/support/world.h"

struct run {
    struct world *world;
    struct loop_fixture loop;
    uv_check_t check;
    struct bilge_options options;
    const char *roots[1];
    struct bilge *bilge;
    const struct store *store;
    size_t changes;
    uint64_t passes, pass_of_change; /* loop passes; the last one with a change */
    bool closed;
    bool planned;
    struct plan *plan;
    struct err plan_err;
    struct buf output;
};

/* ------------------------------------------------------------------- frame */

static void on_check(uv_check_t *check)
{
    struct run *run = check->data;
    run->passes++;
}

static void on_change(void *arg)
{
    struct run *run = arg;
    assert_false(run->closed);
    if (run->changes++ > 0)
        assert_true(run->passes > run->pass_of_change); /* once a pass */
    run->pass_of_change = run->passes;
}

/* The process itself lives in the world. */
static void enter(const struct world *world)
{
    for (char **one = world->environment; *one != NULL; one++) {
        char *name = mem_strndup(*one, strcspn(*one, "="));
        assert_int_equal(setenv(name, *one + strlen(name) + 1, 1), 0);
        free(name);
    }
    assert_int_equal(chdir(world->project), 0);
}

static struct run *run_new(struct world *world)
{
    struct run *run = mem_zalloc(sizeof *run);
    run->world = world;
    unsetenv("BUILDX_BUILDER");
    unsetenv("DOCKER_CONTEXT");
    enter(world);
    loop_open(&run->loop, 30000);
    uv_check_init(&run->loop.loop, &run->check);
    run->check.data = run;
    uv_check_start(&run->check, on_check);
    uv_unref((uv_handle_t *)&run->check);
    return run;
}

static void run_open(struct run *run)
{
    struct err err = {0};
    if (bilge_open(&run->loop.loop, &run->options, on_change, run, &run->bilge, &err) != 0)
        fail_msg("bilge_open: %s", err.text);
    run->store = bilge_store(run->bilge);
}

static void on_closed(void *arg)
{
    struct run *run = arg;
    run->closed = true;
}

static void run_close(struct run *run)
{
    bilge_close(run->bilge, on_closed, run);
    loop_wait(&run->loop, &run->closed);
    uv_close((uv_handle_t *)&run->check, NULL);
    loop_finish(&run->loop);
    plan_free(run->plan);
    buf_done(&run->output);
    for (char **one = run->world->environment; *one != NULL; one++) {
        char *name = mem_strndup(*one, strcspn(*one, "="));
        if (strcmp(name, "PATH") == 0)
            setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
        else
            unsetenv(name);
        free(name);
    }
    assert_int_equal(chdir("/"), 0);
    world_free(run->world);
    free(run);
}

#define WAIT(run, condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&(run)->loop.loop, UV_RUN_ONCE);                                                \
    } while (0)

static void run_settle(struct run *run)
{
    WAIT(run, store_settled(run->store));
}

static char *path_of(const struct run *run, const char *name)
{
    return path_join(run->world->caches, name);
}

static const struct service *row_of(const struct run *run, const char *name)
{
    return store_service_named(run->store, name, NULL);
}

static enum cache_state state_of(const struct run *run, const char *name)
{
    const struct service *row = row_of(run, name);
    return row == NULL || row->cache == NULL ? CACHE_UNREADABLE : row->cache->state;
}

static struct run *usual(void)
{
    struct run *run = run_new(world_new_usual());
    world_start_engine(run->world);
    run->options.watch = true;
    run_open(run);
    run_settle(run);
    return run;
}

/* ----------------------------------------------------------------- finding */

static int64_t du(const char *path)
{
    char *command = mem_printf("du -B1 -s '%s'", path), line[64] = "";
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    pclose(pipe);
    free(command);
    return atoll(line);
}

static void test_services_are_joined_with_directories(void **state)
{
    static const char *const names[] = {"orchestration", "ruby-worker", "rust-worker",
                                        "old-branch"};
    struct run *run = usual();
    (void)state;
    assert_int_equal(run->store->services_len, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct service *row = &run->store->services[i];
        char *path = path_of(run, names[i]);
        assert_string_equal(row->name, names[i]);
        assert_string_equal(row->id, path);
        assert_int_equal(row->in_project, i < 3);
        assert_int_equal(row->cache->state, i == 2 ? CACHE_MISSING : CACHE_OK);
        if (i != 2)
            assert_int_equal(row->cache->size_bytes, du(path));
        free(path);
    }
    assert_int_equal(run->store->roots_len, 1);
    assert_string_equal(run->store->roots[0].path, run->world->caches);
    assert_true(run->store->disks_len > 0);
    run_close(run);
}

static void test_the_engines_builder(void **state)
{
    struct run *run = usual();
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
    enter(run->world);
    run->roots[0] = run->world->caches;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 1);
    assert_int_equal(state_of(run, "api"), CACHE_OK);
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
    assert_int_equal(bilge_open(&run->loop.loop, &run->options, on_change, run, &run->bilge, &err),
                     ERR_USAGE);
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
    char *path = path_of(run, "both");
    const struct fake_cache cache = {"both", 1, 100000, 1, 3600};
    world_add_cache(run->world, &cache);
    write_two(run, path, path);
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->services_len, 2);
    const struct service *a = row_of(run, "a"), *b = row_of(run, "b");
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
    assert_int_equal(state_of(run, "a"), CACHE_MISSING);
    assert_null(row_of(run, "b")->path);
    free(in_project);
    free(other);
    run_close(run);
}

static void test_a_given_layout_and_its_own_root(void **state)
{
    struct run *run = run_new(world_new_usual());
    (void)state;
    char *layout = path_of(run, "ruby-worker");
    run->roots[0] = layout;
    run->options.cache_roots = run->roots;
    run->options.cache_roots_len = 1;
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->roots_len, 1);
    assert_string_equal(run->store->roots[0].only, "ruby-worker");
    assert_int_equal(state_of(run, "ruby-worker"), CACHE_OK);
    /* The others' directories lie outside: not looked at, and it is said. */
    assert_int_equal(row_of(run, "orchestration")->cache->state, CACHE_UNREADABLE);
    assert_non_null(strstr(row_of(run, "orchestration")->cache->error, "outside"));
    assert_null(row_of(run, "old-branch"));
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
    assert_true(row_of(run, "a")->in_project);
    assert_int_equal(state_of(run, "a"), CACHE_OK);
    assert_string_equal(row_of(run, "b")->id, "compose:b");
    run_close(run);
}

/* ---------------------------------------------------------------- following */

static void test_an_idle_loop_sleeps(void **state)
{
    struct run *run = usual();
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
    struct run *run = usual();
    (void)state;
    const struct fake_cache caches[] = {{"new-one", 1, 100000, 1, 3600},
                                        {"rust-worker", 1, 100000, 1, 3600}};
    world_add_cache(run->world, &caches[0]);
    WAIT(run, state_of(run, "new-one") == CACHE_OK);
    world_add_cache(run->world, &caches[1]);
    WAIT(run, state_of(run, "rust-worker") == CACHE_OK);
    char *gone = path_of(run, "new-one"), *aside = path_join(run->world->path, "aside");
    assert_int_equal(rename(gone, aside), 0);
    WAIT(run, row_of(run, "new-one") == NULL);
    char *known = path_of(run, "rust-worker"), *aside2 = path_join(run->world->path, "aside2");
    assert_int_equal(rename(known, aside2), 0);
    WAIT(run, state_of(run, "rust-worker") == CACHE_MISSING);
    assert_non_null(row_of(run, "rust-worker"));
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
    assert_int_equal(run->store->roots[0].load, LOAD_DONE);
    assert_null(run->store->roots[0].error);
    dir_make(run->world->path, "later");
    loop_linger(&run->loop, 400);
    dir_make(run->world->path, "later/deeper/root");
    const struct fake_cache cache = {"api", 1, 100000, 1, 3600};
    loop_linger(&run->loop, 400);
    fake_cache_make(root, &cache);
    WAIT(run, state_of(run, "api") == CACHE_OK);
    free(root);
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

/* ----------------------------------------------------------------- planning */

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct run *run = arg;
    run->planned = true;
    run->plan = plan;
    if (plan == NULL)
        run->plan_err = *err;
}

static void make_plan(struct run *run, const struct query *query)
{
    struct err err = {0};
    plan_free(run->plan);
    run->plan = NULL;
    run->planned = false;
    if (bilge_plan(run->bilge, query, on_plan, run, &err) != 0)
        fail_msg("bilge_plan: %s", err.text);
    assert_false(run->planned); /* not before it returns */
    loop_wait(&run->loop, &run->planned);
}

static struct query garbage(void)
{
    struct query query;
    query_init(&query);
    query.garbage = true;
    return query;
}

static void execute(struct run *run)
{
    struct err err = {0};
    if (bilge_execute(run->bilge, run->plan, &err) != 0)
        fail_msg("bilge_execute: %s", err.text);
    run->plan = NULL;
    assert_int_equal(run->store->prune.state, PRUNE_RUNNING);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
}

/* Garbage in the usual world: all but the live one of orchestration's. */
static size_t older_generations(const struct run *run)
{
    return row_of(run, "orchestration")->cache->generations_len - 1;
}

static void test_one_plan_at_a_time(void **state)
{
    struct run *run = usual();
    struct query query = garbage();
    struct err err = {0};
    (void)state;
    assert_int_equal(bilge_plan(run->bilge, &query, on_plan, run, &err), 0);
    assert_int_equal(bilge_plan(run->bilge, &query, on_plan, run, &err), ERR_BUSY);
    loop_wait(&run->loop, &run->planned);
    query.garbage = false;
    assert_int_equal(bilge_plan(run->bilge, &query, on_plan, run, &err), ERR_USAGE);
    const char *names[] = {"no-such-service"};
    query = garbage();
    query.services = names;
    query.services_len = 1;
    make_plan(run, &query);
    assert_null(run->plan);
    assert_int_equal(run->plan_err.code, ERR_USAGE);
    run_close(run);
}

static void test_a_plan_sees_what_changed_unwatched(void **state)
{
    struct run *run = run_new(world_new_usual());
    struct query query = garbage();
    (void)state;
    run->options.skip_engine = true;
    run_open(run);
    run_settle(run);
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, older_generations(run));
    file_write_text(run->world->caches, "ruby-worker/ingest/x/data", "now");
    file_write_text(run->world->caches, "orchestration/ingest/x/data", "now");
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, 0);
    assert_true(run->plan->kept_len > 0 && run->plan->kept[0].busy);
    run_close(run);
}

/* ----------------------------------------------------------------- removing */

static void test_garbage_is_removed_as_planned(void **state)
{
    struct run *run = usual();
    struct query query = garbage();
    (void)state;
    char *path = path_of(run, "orchestration");
    int64_t before = du(path);
    make_plan(run, &query);
    int64_t planned = run->plan->planned_bytes;
    size_t items = older_generations(run);
    assert_int_equal(run->plan->items_len, items);
    assert_true(planned > 0 && items > 1);
    execute(run);
    const struct prune_status *prune = &run->store->prune;
    assert_int_equal(prune->failures_len, 0);
    assert_int_equal(prune->items_done, items);
    assert_int_equal(prune->planned_bytes, planned);
    assert_int_equal(prune->freed_bytes, planned);
    int64_t freed = before - du(path); /* a directory may have shrunk too */
    assert_true(freed >= planned && freed <= planned + 65536);
    /* It is over only when all was looked at again. */
    const struct service *row = row_of(run, "orchestration");
    assert_int_equal(row->cache->state, CACHE_OK);
    assert_int_equal(cache_garbage_bytes(row->cache), 0);
    assert_int_equal(row->cache->generations_len, 1);
    assert_int_equal(row->cache->size_bytes, du(path));
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, 0);
    free(path);
    run_close(run);
}

static void test_a_whole_service_is_removed(void **state)
{
    struct run *run = usual();
    struct query query;
    (void)state;
    const char *names[] = {"ruby-worker", "old-branch"};
    query_init(&query);
    query.whole = true;
    query.services = names;
    query.services_len = 2;
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, 2);
    execute(run);
    assert_int_equal(run->store->prune.failures_len, 0);
    assert_int_equal(run->store->prune.freed_bytes, run->store->prune.planned_bytes);
    assert_false(file_exists(run->world->caches, "ruby-worker"));
    assert_true(file_exists(run->world->caches, "orchestration/index.json"));
    assert_int_equal(state_of(run, "ruby-worker"), CACHE_MISSING); /* the project's stays */
    assert_null(row_of(run, "old-branch"));
    run_close(run);
}

static void test_records_go_by_exact_id(void **state)
{
    static const struct world_record left[] = {
        {"aaaaaaaaaaaaaaaaaaaaaaaa2", NULL, "regular", "FROM", 88000000, 40 * 86400, 2 * 86400, 12,
         false, true},
        {0},
    };
    struct run *run = usual();
    struct query query;
    (void)state;
    query_init(&query);
    query.records = true;
    query.older_than_s = 3600;
    make_plan(run, &query);
    /* 5 is in use; 2 needs 3 to go, which is asked for too. */
    assert_int_equal(run->plan->items_len, 4);
    assert_int_equal(run->plan->planned_bytes, 3100000000LL + 640000000 + 52000);
    world_set_records(run->world, "build_prune.after", left);
    file_write_text(run->world->engine, "build_prune.json",
                    "{\"CachesDeleted\":[\"aaaaaaaaaaaaaaaaaaaaaaaa1\","
                    "\"aaaaaaaaaaaaaaaaaaaaaaaa3\"],\"SpaceReclaimed\":3740000000}");
    execute(run);
    const struct prune_status *prune = &run->store->prune;
    assert_int_equal(prune->freed_bytes, 3740000000LL);
    assert_int_equal(prune->items_done, 4);
    assert_int_equal(prune->failures_len, 2); /* what the engine kept, said */
    char *requests = world_requests(run->world);
    assert_non_null(strstr(requests, "POST /v1.45/build/prune"));
    assert_null(strstr(requests, "aaaaaaaaaaaaaaaaaaaaaaaa5"));
    free(requests);
    assert_int_equal(run->store->builders[0].records.len, 1); /* read again */
    run_close(run);
}

static void test_a_record_used_since_is_skipped(void **state)
{
    static const struct world_record now[] = {
        {"aaaaaaaaaaaaaaaaaaaaaaaa4", NULL, "source.local", "local source for context", 52000,
         86400, 1, 10, false, false},
        {0},
    };
    struct run *run = usual();
    struct query query;
    (void)state;
    query_init(&query);
    query.records = true;
    query.older_than_s = 3600;
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, 4);
    world_set_records(run->world, "system_df", now);
    execute(run);
    const struct prune_status *prune = &run->store->prune;
    assert_int_equal(prune->failures_len, 1); /* three are gone already: no failure */
    assert_string_equal(prune->failures[0].id, "aaaaaaaaaaaaaaaaaaaaaaaa4");
    assert_int_equal(prune->freed_bytes, 0);
    char *requests = world_requests(run->world);
    assert_null(strstr(requests, "POST /v1.45/build/prune"));
    free(requests);
    run_close(run);
}

static void test_old_plans_and_read_only_are_refused(void **state)
{
    struct run *run = usual();
    struct query query = garbage();
    struct err err = {0};
    (void)state;
    make_plan(run, &query);
    run->plan->made_at -= 61LL * 1000000000;
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), ERR_CHANGED);
    run_close(run);

    run = run_new(world_new_usual());
    run->options.read_only = true;
    run_open(run);
    run_settle(run);
    assert_true(run->store->read_only);
    make_plan(run, &query);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), ERR_USAGE);
    struct bilge_build_options build = {0};
    uint64_t id = 0;
    assert_int_equal(bilge_build(run->bilge, NULL, 0, &build, &id, &err), ERR_USAGE);
    run_close(run);
}

static void test_only_the_listed_goes(void **state)
{
    struct run *run = usual();
    struct query query = garbage();
    (void)state;
    make_plan(run, &query);
    size_t len = run->plan->items_len;
    plan_drop(run->plan, 0);
    assert_int_equal(run->plan->items_len, len - 1);
    int64_t planned = run->plan->planned_bytes;
    execute(run);
    assert_int_equal(run->store->prune.freed_bytes, planned);
    assert_int_equal(older_generations(run), 1);
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, 1);
    run_close(run);
}

static void test_a_cancelled_removal_ends(void **state)
{
    struct run *run = usual();
    struct query query = garbage();
    struct err err;
    (void)state;
    make_plan(run, &query);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
    run->plan = NULL;
    assert_int_equal(bilge_plan(run->bilge, &query, on_plan, run, &err), ERR_BUSY);
    bilge_execute_cancel(run->bilge);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
    assert_true(run->store->prune.cancelled);
    assert_int_equal(run->store->prune.failures_len, 0);
    assert_int_equal(state_of(run, "orchestration"), CACHE_OK);
    assert_false(file_exists(run->world->caches, "orchestration/.bilge-aside"));
    run_close(run);
}

static void test_what_a_killed_one_left_is_finished(void **state)
{
    struct run *run = run_new(world_new_usual());
    (void)state;
    char *whole = path_of(run, "old-branch");
    char *gone = path_of(run, ".bilge-gone.old-branch.0123456789abcdef");
    assert_int_equal(rename(whole, gone), 0);
    run->options.watch = true;
    run_open(run);
    run_settle(run);
    WAIT(run, !file_exists(run->world->caches, ".bilge-gone.old-branch.0123456789abcdef"));
    assert_int_equal(run->store->services_len, 3);
    free(whole);
    free(gone);
    run_close(run);
}

/* ----------------------------------------------------------------- building */

static void on_output(void *arg, const char *data, size_t len)
{
    struct run *run = arg;
    buf_append(&run->output, data, len);
}

static uint64_t start_build(struct run *run, const char *service)
{
    struct bilge_build_options options = {.on_output = on_output, .arg = run};
    struct err err = {0};
    uint64_t id = 0;
    if (bilge_build(run->bilge, &service, 1, &options, &id, &err) != 0)
        fail_msg("bilge_build: %s", err.text);
    return id;
}

static void script_build(const struct run *run, const char *mode)
{
    file_write_text(run->world->docker, "build.mode", mode);
    file_write_text(run->world->docker, "build.log", "#1 [a 1/1] RUN x\n#1 DONE 0.1s\n");
    file_write_text(run->world->docker, "build.1", "#1 [a 1/1] RUN x\n");
}

static void test_a_build_runs_and_ends(void **state)
{
    struct run *run = usual();
    (void)state;
    script_build(run, "log");
    uint64_t id = start_build(run, "orchestration");
    assert_string_equal(row_of(run, "orchestration")->busy_sign, "bilge builds it now");
    assert_null(row_of(run, "ruby-worker")->busy_sign);
    assert_int_equal(row_of(run, "orchestration")->last_build_id, id);
    WAIT(run, store_build(run->store, id)->state == BUILD_DONE);
    WAIT(run, row_of(run, "orchestration")->busy_sign == NULL);
    assert_true(run->output.len > 0);
    assert_int_equal(store_last_build(run->store, "orchestration")->id, id);
    run_close(run);
}

static void test_builds_and_removals_keep_apart(void **state)
{
    struct run *run = usual();
    struct query query = garbage();
    struct bilge_build_options options = {0};
    struct err err;
    uint64_t other = 0;
    (void)state;
    make_plan(run, &query);
    script_build(run, "hang");
    uint64_t id = start_build(run, "orchestration");
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), ERR_CHANGED);
    const char *again[] = {"orchestration"}, *unknown[] = {"old-branch"}, *next[] = {"ruby-worker"};
    assert_int_equal(bilge_build(run->bilge, unknown, 1, &options, &other, &err), ERR_USAGE);
    assert_int_equal(bilge_build(run->bilge, next, 1, &options, &other, &err), 0);
    bilge_build_stop(run->bilge, other);
    assert_null(store_build(run->store, other));
    make_plan(run, &query);
    assert_int_equal(run->plan->items_len, 0);
    assert_true(run->plan->kept[0].busy);
    assert_string_equal(run->plan->kept[0].reason, "bilge builds it now");
    bilge_build_stop(run->bilge, id);
    WAIT(run, store_build(run->store, id)->state == BUILD_CANCELLED);
    make_plan(run, &query);
    assert_true(run->plan->items_len > 0);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
    run->plan = NULL;
    script_build(run, "log");
    assert_int_equal(bilge_build(run->bilge, again, 1, &options, &other, &err), 0);
    assert_int_equal(store_build(run->store, other)->state, BUILD_QUEUED);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
    WAIT(run, store_build(run->store, other)->state == BUILD_DONE);
    run_close(run);
}

/* ------------------------------------------------------------------ closing */

static void test_close_at_every_pass_of_a_start(void **state)
{
    (void)state;
    for (int passes = 0; passes < 12; passes++) {
        struct run *run = run_new(world_new_usual());
        world_start_engine(run->world);
        run->options.watch = true;
        run_open(run);
        for (int i = 0; i < passes; i++)
            uv_run(&run->loop.loop, UV_RUN_ONCE);
        run_close(run);
    }
}

static void test_close_while_planning_removing_building(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        struct run *run = usual();
        struct query query = garbage();
        struct err err;
        if (what == 0) {
            assert_int_equal(bilge_plan(run->bilge, &query, on_plan, run, &err), 0);
            uv_run(&run->loop.loop, UV_RUN_ONCE);
        } else if (what < 3) {
            make_plan(run, &query);
            assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
            run->plan = NULL;
            for (int i = 0; what == 2 && i < 6; i++)
                uv_run(&run->loop.loop, UV_RUN_ONCE);
        } else {
            script_build(run, "hang");
            start_build(run, "orchestration");
            WAIT(run, run->output.len > 0);
        }
        run_close(run);
    }
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
        cmocka_unit_test(test_a_shared_place_is_no_root),
        cmocka_unit_test(test_a_given_layout_and_its_own_root),
        cmocka_unit_test(test_a_root_under_two_names_counts_once),
        cmocka_unit_test(test_a_directory_of_the_services_name),
        cmocka_unit_test(test_an_idle_loop_sleeps),
        cmocka_unit_test(test_directories_come_and_go),
        cmocka_unit_test(test_a_root_that_comes_later),
        cmocka_unit_test(test_the_engine_comes_later),
        cmocka_unit_test(test_one_plan_at_a_time),
        cmocka_unit_test(test_a_plan_sees_what_changed_unwatched),
        cmocka_unit_test(test_garbage_is_removed_as_planned),
        cmocka_unit_test(test_a_whole_service_is_removed),
        cmocka_unit_test(test_records_go_by_exact_id),
        cmocka_unit_test(test_a_record_used_since_is_skipped),
        cmocka_unit_test(test_old_plans_and_read_only_are_refused),
        cmocka_unit_test(test_only_the_listed_goes),
        cmocka_unit_test(test_a_cancelled_removal_ends),
        cmocka_unit_test(test_what_a_killed_one_left_is_finished),
        cmocka_unit_test(test_a_build_runs_and_ends),
        cmocka_unit_test(test_builds_and_removals_keep_apart),
        cmocka_unit_test(test_close_at_every_pass_of_a_start),
        cmocka_unit_test(test_close_while_planning_removing_building),
    };
    limit_program(120);
    signal(SIGPIPE, SIG_IGN); /* as the program does: an engine may die */
    return cmocka_run_group_tests_name("bilge", tests, NULL, NULL);
}
