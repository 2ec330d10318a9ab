/* A plan carried out: only what is listed, only as it was listed. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/scan.h"
#include "core/prune/execute.h"
#include "tests/support/fake_cache.h"
#include "tests/support/fake_tool.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/plan_world.h"
#include "tests/support/tempdir.h"

struct run {
    char *root, *tools;
    struct root *open;
    struct lane *lane;
    struct store *store;
    struct plan *plan;
    struct loop_fixture loop;
    struct execute *execute;
    size_t items_done, failures;
    int64_t freed_bytes;
    struct err last;
    char *failed_id; /* of the last one */
    bool done;
};

/* ------------------------------------------------------------------- frame */

static void on_progress(void *arg, size_t items_done, int64_t freed_bytes)
{
    struct run *run = arg;
    assert_false(run->done);
    assert_true(items_done >= run->items_done && freed_bytes >= run->freed_bytes);
    run->items_done = items_done;
    run->freed_bytes = freed_bytes;
}

static void on_failure(void *arg, size_t index, const struct err *err)
{
    struct run *run = arg;
    assert_non_null(run->execute); /* not before execute_start() has returned */
    run->failures++;
    run->last = *err;
    mem_replace(&run->failed_id, run->plan->items[index].id);
}

static void on_done(void *arg)
{
    struct run *run = arg;
    assert_false(run->done);
    run->done = true;
}

static struct root *root_of(void *arg, const char *path, struct lane **ret_lane)
{
    struct run *run = arg;
    *ret_lane = run->lane;
    return run->open != NULL && strcmp(path, run->root) == 0 ? root_hold(run->open) : NULL;
}

static struct engine *no_engine(void *arg, const char *builder)
{
    (void)arg;
    (void)builder;
    return NULL;
}

static const struct execute_ops ops = {
    .on_progress = on_progress,
    .on_failure = on_failure,
    .on_done = on_done,
};

static void start(struct run *run)
{
    const struct execute_env env = {
        .store = run->store, .root_of = root_of, .engine_of = no_engine};
    run->execute = execute_start(&run->loop.loop, run->plan, &env, &ops, run);
}

static void finish(struct run *run)
{
    loop_wait(&run->loop, &run->done);
}

static void execute(struct run *run)
{
    start(run);
    finish(run);
}

static struct run *run_new(void)
{
    struct run *run = mem_zalloc(sizeof *run);
    struct root_found found;
    run->root = tempdir_new();
    run->tools = tempdir_new();
    setenv("BILGE_PROC", run->tools, 1); /* builds of this machine are none of ours */
    run->store = store_new();
    loop_open(&run->loop, 30000);
    run->lane = lane_new(&run->loop.loop, NULL, NULL);
    assert_int_equal(0, root_find(run->root, geteuid(), &found));
    run->open = root_hold(found.root);
    root_found_done(&found);
    return run;
}

static void run_free(struct run *run)
{
    lane_close(run->lane);
    root_release(run->open);
    loop_finish(&run->loop);
    plan_free(run->plan);
    store_free(run->store);
    free(run->failed_id);
    tempdir_free(run->root);
    tempdir_free(run->tools);
    free(run);
}

static void add_cache(struct run *run, const char *name)
{
    const struct fake_cache fake = {name, 2, 40960, 3, 7200};
    char *path = path_join(run->root, name);
    int fd;
    fake_cache_make(run->root, &fake);
    assert_int_equal(fs_open_root(run->root, &fd, NULL), 0);
    store_set_cache(run->store, path, scan_cache(fd, run->root, name, NULL));
    close(fd);
    struct service *row = store_put_service(run->store, path);
    row->name = mem_strdup(name);
    row->path = path;
}

static void plan(struct run *run, const struct query *query)
{
    struct err err;
    if (plan_make(run->store, query, clock_now(), &run->plan, &err) != 0)
        fail_msg("no plan: %s", err.text);
}

static void plan_garbage(struct run *run)
{
    struct query query;
    query_init(&query);
    query.garbage = true;
    plan(run, &query);
}

static void plan_whole(struct run *run)
{
    struct query query;
    query_init(&query);
    query.whole = query.all = true;
    plan(run, &query);
}

/* The file of the item's manifest, below the root. */
static char *manifest_file(const struct run *run, size_t item)
{
    return mem_printf("%s/blobs/sha256/%s", run->plan->items[item].service,
                      run->plan->items[item].id + strlen("sha256:"));
}

/* ------------------------------------------------------------------- caches */

static void test_an_empty_plan_ends(void **state)
{
    struct run *run = run_new();
    (void)state;
    run->plan = mem_zalloc(sizeof *run->plan);
    start(run);
    assert_false(run->done);
    finish(run);
    assert_int_equal(run->failures + run->items_done, 0);
    run_free(run);
}

static void test_several_caches_at_once(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct run *run = run_new();
    (void)state;
    for (size_t i = 0; i < 5; i++)
        add_cache(run, names[i]);
    plan_garbage(run);
    assert_int_equal(run->plan->items_len, 10);
    execute(run);
    assert_int_equal(run->failures, 0);
    assert_int_equal(run->items_done, 10);
    assert_int_equal(run->freed_bytes, run->plan->planned_bytes);
    run_free(run);
}

static void test_a_blob_that_was_replaced_stays(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_cache(run, "a");
    plan_garbage(run);
    char *name = manifest_file(run, 1), *path = path_join(run->root, name);
    char *other = path_join(run->root, "other");
    file_write_text(run->root, "other", "{}");
    const struct timespec old = {.tv_sec = time(NULL) - 7200}; /* a young one would be a sign */
    assert_int_equal(utimensat(AT_FDCWD, other, (struct timespec[]){old, old}, 0), 0);
    assert_int_equal(rename(other, path), 0);
    execute(run);
    assert_int_equal(run->items_done, 2);
    assert_int_equal(run->failures, 1);
    assert_string_equal(run->failed_id, run->plan->items[1].id);
    assert_int_equal(run->last.code, ERR_CHANGED);
    assert_true(file_exists(run->root, name));
    free(name);
    free(path);
    free(other);
    run_free(run);
}

static void test_what_is_gone_already_is_no_failure(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_cache(run, "a");
    plan_garbage(run);
    char *name = manifest_file(run, 0), *path = path_join(run->root, name);
    assert_int_equal(unlink(path), 0);
    execute(run);
    assert_int_equal(run->failures, 0);
    assert_true(run->freed_bytes < run->plan->planned_bytes);
    free(name);
    free(path);
    run_free(run);
}

static void test_another_directory_in_its_place_stays(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct run *run = run_new();
        add_cache(run, "a");
        if (whole)
            plan_whole(run);
        else
            plan_garbage(run);
        char *path = path_join(run->root, "a"), *aside = path_join(run->root, "aside");
        assert_int_equal(rename(path, aside), 0);
        const struct fake_cache fake = {"a", 2, 40960, 3, 7200};
        fake_cache_make(run->root, &fake);
        execute(run);
        assert_int_equal(run->failures, run->plan->items_len);
        assert_int_equal(run->freed_bytes, 0);
        assert_true(file_exists(run->root, "a/index.json"));
        free(path);
        free(aside);
        run_free(run);
    }
}

static void test_a_cache_that_became_busy_stays(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct run *run = run_new();
        add_cache(run, "a");
        add_cache(run, "b");
        if (whole)
            plan_whole(run);
        else
            plan_garbage(run);
        size_t items = run->plan->items_len;
        file_write_text(run->root, "a/ingest/x/data", "being written");
        execute(run);
        assert_int_equal(run->items_done, items);
        assert_int_equal(run->failures, items / 2);
        assert_int_equal(run->last.code, ERR_BUSY);
        assert_true(file_exists(run->root, "a/index.json"));
        assert_int_equal(file_exists(run->root, "b/index.json"), !whole);
        run_free(run);
    }
}

/* An export that has come to its end leaves no other sign. */
static void test_a_cache_that_was_exported_to_stays(void **state)
{
    (void)state;
    for (int now = 0; now < 2; now++) {
        struct run *run = run_new();
        add_cache(run, "a");
        add_cache(run, "b");
        plan_whole(run);
        run->plan->now = now;
        char *index = path_join(run->root, "a/index.json");
        const struct timespec lately = {.tv_sec = time(NULL) - 1};
        assert_int_equal(utimensat(AT_FDCWD, index, (struct timespec[]){lately, lately}, 0), 0);
        execute(run);
        assert_int_equal(run->failures, 1);
        assert_int_equal(run->last.code, ERR_CHANGED);
        assert_true(file_exists(run->root, "a/index.json"));
        assert_false(file_exists(run->root, "b"));
        free(index);
        run_free(run);
    }
}

static void test_told_now_it_goes_all_the_same(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_cache(run, "a");
    plan_whole(run);
    file_write_text(run->root, "a/ingest/x/data", "being written");
    run->plan->now = true;
    execute(run);
    assert_int_equal(run->failures, 0);
    assert_false(file_exists(run->root, "a"));
    run_free(run);
}

static void test_a_root_that_is_gone(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_cache(run, "a");
    plan_garbage(run);
    char *aside = mem_printf("%s.aside", run->root);
    assert_int_equal(rename(run->root, aside), 0);
    execute(run);
    assert_int_equal(rename(aside, run->root), 0);
    assert_int_equal(run->failures, run->plan->items_len);
    free(aside);
    run_free(run);
}

static void test_dropped_items_stay(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_cache(run, "a");
    plan_garbage(run);
    char *kept = manifest_file(run, 0);
    plan_drop(run->plan, 0);
    execute(run);
    assert_int_equal(run->failures, 0);
    assert_int_equal(run->items_done, 1);
    assert_int_equal(run->freed_bytes, run->plan->planned_bytes);
    assert_true(file_exists(run->root, kept));
    free(kept);
    run_free(run);
}

static void test_cancelled_before_it_began(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_cache(run, "a");
    plan_garbage(run);
    char *first = manifest_file(run, 0);
    start(run);
    execute_cancel(run->execute);
    finish(run);
    assert_int_equal(run->failures + run->items_done, 0);
    assert_true(file_exists(run->root, first));
    free(first);
    run_free(run);
}

/* ------------------------------------------------------------------ records */

/* A buildx builder "box" with a chain: leaf ─► middle ─► base, shared base. */
static struct builder *add_chain(struct run *run)
{
    plan_world_builder(run->store, "default");
    struct builder *box = plan_world_builder(run->store, "box");
    plan_world_record(box, "base", NULL, 5)->shared = true;
    plan_world_record(box, "middle", "base", 5);
    plan_world_record(box, "leaf", "middle", 5);
    return box;
}

static void plan_records(struct run *run, const char *builder)
{
    struct query query;
    query_init(&query);
    query.records = true;
    query.builder = builder;
    plan(run, &query);
}

/* A docker that notes its calls, and whose n-th one prints answer.n. */
static void script_docker(struct run *run, const char *const *deleted, size_t len)
{
    char *body = mem_printf(
        "cd %s\n"
        "echo \"$*\" >>calls\n"
        "set -- $(wc -l <calls)\n"
        "[ ! -f answer.$1 ] || { printf 'ID\\t\\tRECLAIMABLE\\tSIZE\\n'; cat answer.$1; }\n"
        "printf 'Total:\\t0B\\n'\n",
        run->tools);
    fake_tool(run->tools, "docker", body);
    free(body);
    for (size_t i = 0; i < len; i++) {
        char *name = mem_printf("answer.%zu", i + 1);
        char *row = mem_printf("%s\ttrue\t100B\t1 second ago\n", deleted[i]);
        file_write_text(run->tools, name, row);
        free(name);
        free(row);
    }
    fake_path_set(run->tools);
}

static char *calls(const struct run *run)
{
    return file_exists(run->tools, "calls") ? file_read(run->tools, "calls", NULL) : mem_strdup("");
}

static void expect_calls(const struct run *run, const char *const *ids, size_t len, bool all)
{
    char *text = calls(run), *rest = text;
    for (size_t i = 0; i < len; i++) {
        char *line = strsep(&rest, "\n");
        assert_non_null(line);
        if (strstr(line, ids[i]) == NULL)
            fail_msg("call %zu is \"%s\", not of %s", i, line, ids[i]);
        assert_int_equal(strstr(line, "--all") != NULL, all);
        assert_non_null(strstr(line, "box"));
    }
    assert_true(rest == NULL || *rest == '\0');
    free(text);
}

static void test_records_are_asked_for_while_some_go(void **state)
{
    static const char *const deleted[] = {"leaf", "middle"};
    static const char *const expected[] = {"^(leaf|middle|base)$", "^(middle|base)$", "^(base)$"};
    struct run *run = run_new();
    (void)state;
    add_chain(run);
    plan_records(run, "box");
    assert_int_equal(run->plan->planned_bytes, 200);
    script_docker(run, deleted, 2);
    execute(run);
    fake_path_restore();
    expect_calls(run, expected, 3, true); /* the base needs it each time */
    assert_int_equal(run->items_done, 3);
    assert_int_equal(run->failures, 1);
    assert_string_equal(run->failed_id, "base");
    assert_int_equal(run->freed_bytes, 200);
    run_free(run);
}

static void test_all_is_not_asked_for_without_need(void **state)
{
    static const char *const deleted[] = {"leaf"};
    static const char *const expected[] = {"^(leaf|middle|base)$", "^(middle|base)$"};
    struct run *run = run_new();
    (void)state;
    add_chain(run)->records.items[0].shared = false;
    plan_records(run, "box");
    script_docker(run, deleted, 1);
    execute(run);
    fake_path_restore();
    expect_calls(run, expected, 2, false);
    assert_int_equal(run->failures, 2);
    run_free(run);
}

static void test_records_are_looked_at_again(void **state)
{
    (void)state;
    for (int change = 0; change < 4; change++) {
        struct run *run = run_new();
        struct record *leaf = &add_chain(run)->records.items[2];
        plan_records(run, "box");
        script_docker(run, NULL, 0);
        if (change == 0)
            leaf->in_use = true;
        if (change == 1)
            leaf->usage_count++;
        if (change == 2)
            leaf->shared = true; /* an image was made of it */
        if (change == 3)
            mem_replace(&leaf->id, "other"); /* gone */
        execute(run);
        fake_path_restore();
        expect_calls(run, (const char *[]){"^(middle|base)$"}, 1, true);
        assert_int_equal(run->failures, change == 3 ? 2 : 3);
        assert_int_equal(run->items_done, 3);
        run_free(run);
    }
}

static void test_odd_ids_are_never_sent(void **state)
{
    struct run *run = run_new();
    (void)state;
    struct record *odd = plan_world_record(add_chain(run), ".*", NULL, 5);
    assert_non_null(odd);
    plan_records(run, "box");
    assert_int_equal(run->plan->items_len, 4);
    script_docker(run, NULL, 0);
    execute(run);
    fake_path_restore();
    expect_calls(run, (const char *[]){"^(leaf|middle|base)$"}, 1, true);
    assert_int_equal(run->failures, 4);
    run_free(run);
}

static void test_a_builder_that_can_not_be_asked(void **state)
{
    struct run *run = run_new();
    (void)state;
    add_chain(run);
    plan_world_record(store_put_builder(run->store, "default"), "x", NULL, 5);
    plan_records(run, "default");
    execute(run); /* the engine is not there */
    assert_int_equal(run->failures, 1);
    run->done = false;
    run->failures = run->items_done = 0;
    plan_free(run->plan);
    plan_records(run, "box");
    fake_path_set(run->tools); /* nor is docker */
    execute(run);
    fake_path_restore();
    assert_int_equal(run->failures, 3);
    run_free(run);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_plan_ends),
        cmocka_unit_test(test_several_caches_at_once),
        cmocka_unit_test(test_a_blob_that_was_replaced_stays),
        cmocka_unit_test(test_what_is_gone_already_is_no_failure),
        cmocka_unit_test(test_another_directory_in_its_place_stays),
        cmocka_unit_test(test_a_cache_that_became_busy_stays),
        cmocka_unit_test(test_a_cache_that_was_exported_to_stays),
        cmocka_unit_test(test_told_now_it_goes_all_the_same),
        cmocka_unit_test(test_a_root_that_is_gone),
        cmocka_unit_test(test_dropped_items_stay),
        cmocka_unit_test(test_cancelled_before_it_began),
        cmocka_unit_test(test_records_are_asked_for_while_some_go),
        cmocka_unit_test(test_all_is_not_asked_for_without_need),
        cmocka_unit_test(test_records_are_looked_at_again),
        cmocka_unit_test(test_odd_ids_are_never_sent),
        cmocka_unit_test(test_a_builder_that_can_not_be_asked),
    };
    limit_program(120);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("execute", tests, NULL, NULL);
}
