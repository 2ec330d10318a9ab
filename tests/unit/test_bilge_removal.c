/* The facade: plans, and what becomes of them. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/cache/note.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"
#include "tests/unit/cache_kit.h"
#include "tests/unit/run_kit.h"

static void test_one_plan_at_a_time(void **state)
{
    struct run *run = run_usual();
    struct query query = query_garbage();
    struct err err = {0};
    (void)state;
    assert_int_equal(bilge_plan(run->bilge, &query, run_on_plan, run, &err), 0);
    assert_int_equal(bilge_plan(run->bilge, &query, run_on_plan, run, &err), ERR_BUSY);
    loop_wait(&run->loop, &run->planned);
    query.garbage = false;
    assert_int_equal(bilge_plan(run->bilge, &query, run_on_plan, run, &err), ERR_USAGE);
    const char *names[] = {"no-such-service"};
    query = query_garbage();
    query.services = names;
    query.services_len = 1;
    run_plan(run, &query);
    assert_null(run->plan);
    assert_int_equal(run->plan_err.code, ERR_USAGE);
    run_close(run);
}

static void test_a_plan_sees_what_changed_unwatched(void **state)
{
    struct run *run = run_new(world_new_usual());
    struct query query = query_garbage();
    (void)state;
    run->options.skip_engine = true;
    run_open(run);
    run_settle(run);
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, run_older(run));
    file_write_text(run->world->caches, "ruby-worker/ingest/x/data", "now");
    file_write_text(run->world->caches, "orchestration/ingest/x/data", "now");
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 0);
    assert_true(run->plan->kept_len > 0 && run->plan->kept[0].busy);
    run_close(run);
}

static void test_garbage_is_removed_as_planned(void **state)
{
    struct run *run = run_usual();
    struct query query = query_garbage();
    (void)state;
    char *path = run_path(run, "orchestration");
    int64_t before = run_du(path);
    run_plan(run, &query);
    int64_t planned = run->plan->planned_bytes;
    size_t items = run_older(run);
    assert_int_equal(run->plan->items_len, items);
    assert_true(planned > 0 && items > 1);
    run_execute(run);
    const struct prune_status *prune = &run->store->prune;
    assert_int_equal(prune->failures_len, 0);
    assert_int_equal(prune->items_done, items);
    assert_int_equal(prune->planned_bytes, planned);
    assert_int_equal(prune->freed_bytes, planned);
    int64_t freed = before - run_du(path); /* a directory may have shrunk too */
    assert_true(freed >= planned && freed <= planned + 65536);
    /* It is over only when all was looked at again. */
    const struct service *row = run_row(run, "orchestration");
    assert_int_equal(row->cache->state, CACHE_OK);
    assert_int_equal(cache_garbage_bytes(row->cache), 0);
    assert_int_equal(row->cache->generations_len, 1);
    assert_int_equal(row->cache->size_bytes, run_du(path));
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 0);
    free(path);
    run_close(run);
}

static void test_a_whole_service_is_removed(void **state)
{
    struct run *run = run_usual();
    struct query query;
    (void)state;
    const char *names[] = {"ruby-worker", "old-branch"};
    query_init(&query);
    query.whole = true;
    query.services = names;
    query.services_len = 2;
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 2);
    run_execute(run);
    assert_int_equal(run->store->prune.failures_len, 0);
    assert_int_equal(run->store->prune.freed_bytes, run->store->prune.planned_bytes);
    assert_false(file_exists(run->world->caches, "ruby-worker"));
    assert_true(file_exists(run->world->caches, "orchestration/index.json"));
    assert_int_equal(run_state(run, "ruby-worker"), CACHE_MISSING); /* the project's stays */
    assert_null(run_row(run, "old-branch"));
    run_close(run);
}

/* Between the plan and its execution the root is moved aside, and its path leads to
 * another one with caches of the same names. */
static void test_a_root_that_leads_elsewhere_by_now_is_not_touched(void **state)
{
    (void)state;
    for (int watched = 0; watched < 2; watched++) {
        struct run *run = run_new(world_new_usual());
        struct query query;
        char *aside = path_join(run->world->path, "aside");
        char *copy = path_join(run->world->path, "copy");
        run->options.watch = watched;
        run_open(run);
        run_settle(run);
        tree_copy(run->world->caches, run->world->path, "copy");
        query_init(&query);
        query.whole = query.garbage = true;
        run_plan(run, &query);
        size_t items = run->plan->items_len;
        assert_true(items > 0);
        assert_int_equal(rename(run->world->caches, aside), 0);
        assert_int_equal(symlink("copy", run->world->caches), 0);
        char *before = tree_list(aside), *before_copy = tree_list(copy);
        run_execute(run);
        assert_int_equal(run->store->prune.failures_len, items);
        char *after = tree_list(aside), *after_copy = tree_list(copy);
        assert_string_equal(before, after);
        assert_string_equal(before_copy, after_copy);
        free(before);
        free(after);
        free(before_copy);
        free(after_copy);
        free(aside);
        free(copy);
        run_close(run);
    }
}

/* What it was called for can't be done; that is no mistake of whoever called it. */
static void test_a_root_that_cannot_be_opened_any_more_is_why(void **state)
{
    static const struct bilge_care_ops ops = {0};
    const struct dedupe_plan nothing = {0};
    struct run *run = run_usual();
    char *aside = path_join(run->world->path, "aside"), *id = run_path(run, "orchestration");
    const char *const ids[] = {id};
    struct err err = {0};
    (void)state;
    assert_int_equal(0, rename(run->world->caches, aside));
    file_write_text(run->world->path, "caches", "no directory");
    bilge_rescan(run->bilge, NULL);
    run_settle(run);
    assert_int_equal(-ENOTDIR, bilge_restore(run->bilge, id, NULL, &ops, NULL, &err));
    assert_non_null(strstr(err.text, "ot a directory"));
    assert_int_equal(-ENOTDIR, bilge_verify(run->bilge, ids, 1, true, &ops, NULL, &err));
    assert_int_equal(-ENOTDIR, bilge_dedupe(run->bilge, ids, 1, &nothing, false, &ops, NULL, &err));
    assert_non_null(strstr(err.text, "ot a directory"));
    free(aside);
    free(id);
    run_close(run);
}

static void test_records_go_by_exact_id(void **state)
{
    static const struct world_record left[] = {
        {"aaaaaaaaaaaaaaaaaaaaaaaa2", NULL, "regular", "FROM", 88000000, 40 * 86400, 2 * 86400, 12,
         false, true},
        {0},
    };
    struct run *run = run_usual();
    struct query query;
    (void)state;
    query_init(&query);
    query.records = true;
    query.older_than_s = 3600;
    run_plan(run, &query);
    /* 5 is in use; 2 needs 3 to go, which is asked for too. */
    assert_int_equal(run->plan->items_len, 4);
    assert_int_equal(run->plan->planned_bytes, 3100000000LL + 640000000 + 52000);
    world_set_records(run->world, "build_prune.after", left);
    file_write_text(run->world->engine, "build_prune.json",
                    "{\"CachesDeleted\":[\"aaaaaaaaaaaaaaaaaaaaaaaa1\","
                    "\"aaaaaaaaaaaaaaaaaaaaaaaa3\"],\"SpaceReclaimed\":3740000000}");
    run_execute(run);
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
    struct run *run = run_usual();
    struct query query;
    (void)state;
    query_init(&query);
    query.records = true;
    query.older_than_s = 3600;
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 4);
    world_set_records(run->world, "system_df", now);
    run_execute(run);
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
    struct run *run = run_usual();
    struct query query = query_garbage();
    struct err err = {0};
    (void)state;
    run_plan(run, &query);
    run->plan->made_at -= 61LL * 1000000000;
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), ERR_CHANGED);
    run_close(run);

    run = run_new(world_new_usual());
    run->options.read_only = true;
    run_open(run);
    run_settle(run);
    assert_true(run->store->read_only);
    run_plan(run, &query);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), ERR_USAGE);
    struct bilge_build_options build = {0};
    uint64_t id = 0;
    assert_int_equal(bilge_build(run->bilge, NULL, 0, &build, &id, &err), ERR_USAGE);
    run_close(run);
}

static void test_only_the_listed_goes(void **state)
{
    struct run *run = run_usual();
    struct query query = query_garbage();
    (void)state;
    run_plan(run, &query);
    size_t len = run->plan->items_len;
    plan_drop(run->plan, 0);
    assert_int_equal(run->plan->items_len, len - 1);
    int64_t planned = run->plan->planned_bytes;
    run_execute(run);
    assert_int_equal(run->store->prune.freed_bytes, planned);
    assert_int_equal(run_older(run), 1);
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 1);
    run_close(run);
}

static void test_a_cancelled_removal_ends(void **state)
{
    struct run *run = run_usual();
    struct query query = query_garbage();
    struct err err;
    (void)state;
    run_plan(run, &query);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
    run->plan = NULL;
    assert_int_equal(bilge_plan(run->bilge, &query, run_on_plan, run, &err), ERR_BUSY);
    bilge_execute_cancel(run->bilge);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
    assert_true(run->store->prune.cancelled);
    assert_int_equal(run->store->prune.failures_len, 0);
    assert_int_equal(run_state(run, "orchestration"), CACHE_OK);
    assert_false(file_exists(run->world->caches, "orchestration/.bilge-aside"));
    run_close(run);
}

/* Until the engine has been asked to delete, to which it will not answer. */
static void begin_endless_removal(struct run *run)
{
    struct query query;
    struct err err;
    bool asked = false;
    file_write_text(run->world->engine, "build_prune.hang", "");
    query_init(&query);
    query.records = true;
    query.older_than_s = 3600;
    run_plan(run, &query);
    assert_int_equal(run->plan->items_len, 4);
    assert_int_equal(bilge_execute(run->bilge, run->plan, &err), 0);
    run->plan = NULL;
    while (!asked) {
        char *requests = world_requests(run->world);
        asked = strstr(requests, "POST /v1.45/build/prune") != NULL;
        free(requests);
        if (!asked)
            uv_run(&run->loop.loop, UV_RUN_NOWAIT);
    }
}

static void test_an_engine_that_never_answers_is_hung_up_on(void **state)
{
    struct run *run = run_usual();
    (void)state;
    begin_endless_removal(run);
    bilge_execute_cancel(run->bilge);
    uv_run(&run->loop.loop, UV_RUN_NOWAIT);
    assert_int_equal(run->store->prune.state, PRUNE_RUNNING); /* its answer is waited for */
    bilge_execute_cancel(run->bilge);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
    assert_true(run->store->prune.cancelled);
    assert_int_equal(run->store->prune.freed_bytes, 0);
    run_close(run);
}

static void test_closing_waits_for_no_engine(void **state)
{
    struct run *run = run_usual();
    (void)state;
    begin_endless_removal(run);
    run_close(run);
}

/* As a bilge leaves it that is killed right after the rename. The caller frees the
 * name. */
static char *begin_removal(struct run *run, const char *service)
{
    char *whole = run_path(run, service), name[NOTE_NAME_SIZE];
    struct stat st;
    assert_int_equal(stat(whole, &st), 0);
    kit_removed_name(service, st.st_ino, true, name);
    char *gone = run_path(run, name);
    assert_int_equal(rename(whole, gone), 0);
    free(whole);
    free(gone);
    return mem_strdup(name);
}

static void test_looking_finishes_nothing(void **state)
{
    (void)state;
    for (int read_only = 0; read_only < 2; read_only++) {
        struct run *run = run_new(world_new_usual());
        struct query query = query_garbage();
        char *gone = begin_removal(run, "old-branch");
        char *left = run_path(run, gone);
        struct err err;
        run->options.read_only = read_only != 0;
        run_open(run);
        run_settle(run);
        assert_int_equal(run->store->unfinished.len, 1);
        assert_int_equal(run->store->unfinished.items[0].kind, UNFINISHED_REMOVAL);
        assert_string_equal(run->store->unfinished.items[0].path, left);
        assert_true(run->store->unfinished.items[0].items > 0);
        run_plan(run, &query);
        if (read_only)
            assert_int_equal(bilge_finish(run->bilge, NULL, NULL, &err), ERR_USAGE);
        assert_true(file_exists(run->world->caches, gone));
        assert_null(run_row(run, "old-branch"));
        free(left);
        free(gone);
        run_close(run);
    }
}

static void test_a_deletion_finishes_first_what_a_killed_one_left(void **state)
{
    struct run *run = run_new(world_new_usual());
    struct query query = query_garbage();
    (void)state;
    char *gone = begin_removal(run, "old-branch");
    run_open(run);
    run_settle(run);
    run_plan(run, &query);
    run_execute(run);
    WAIT(run, run->store->recoveries == 0);
    assert_false(file_exists(run->world->caches, gone));
    assert_int_equal(run->store->unfinished.len, 0);
    assert_int_equal(run->store->finished.len, 1);
    assert_int_equal(run->store->prune.failures_len, 0);
    free(gone);
    run_close(run);
}

static void on_finished(void *arg)
{
    *(bool *)arg = true;
}

/* Also when there is nothing to delete; and what is set aside shows in its row
 * again. */
static void test_finishing_alone(void **state)
{
    struct run *run = run_new(world_new_usual());
    struct err err;
    bool done = false;
    (void)state;
    char *aside = run_path(run, "orchestration/.bilge-aside");
    assert_int_equal(mkdir(aside, 0700), 0);
    char *gone = begin_removal(run, "old-branch");
    run_open(run);
    run_settle(run);
    assert_int_equal(run->store->unfinished.len, 2);
    assert_int_equal(bilge_finish(run->bilge, on_finished, &done, &err), 0);
    assert_false(done);
    WAIT(run, done);
    assert_false(file_exists(run->world->caches, gone));
    assert_false(file_exists(run->world->caches, "orchestration/.bilge-aside"));
    assert_int_equal(run->store->unfinished.len, 0);
    assert_int_equal(run->store->finished.len, 2);
    done = false;
    assert_int_equal(bilge_finish(run->bilge, on_finished, &done, &err), 0); /* nothing is left */
    WAIT(run, done);
    assert_int_equal(run->store->finished.len, 2);
    free(aside);
    free(gone);
    run_close(run);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_plan_at_a_time),
        cmocka_unit_test(test_a_plan_sees_what_changed_unwatched),
        cmocka_unit_test(test_garbage_is_removed_as_planned),
        cmocka_unit_test(test_a_whole_service_is_removed),
        cmocka_unit_test(test_a_root_that_leads_elsewhere_by_now_is_not_touched),
        cmocka_unit_test(test_a_root_that_cannot_be_opened_any_more_is_why),
        cmocka_unit_test(test_records_go_by_exact_id),
        cmocka_unit_test(test_a_record_used_since_is_skipped),
        cmocka_unit_test(test_old_plans_and_read_only_are_refused),
        cmocka_unit_test(test_only_the_listed_goes),
        cmocka_unit_test(test_a_cancelled_removal_ends),
        cmocka_unit_test(test_an_engine_that_never_answers_is_hung_up_on),
        cmocka_unit_test(test_closing_waits_for_no_engine),
        cmocka_unit_test(test_looking_finishes_nothing),
        cmocka_unit_test(test_a_deletion_finishes_first_what_a_killed_one_left),
        cmocka_unit_test(test_finishing_alone),
    };
    limit_program(120);
    signal(SIGPIPE, SIG_IGN); /* as the program does: an engine may die */
    return cmocka_run_group_tests_name("bilge_removal", tests, NULL, NULL);
}
