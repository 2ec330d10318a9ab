/* The facade when everything happens at once, as on a busy day: it scans,
 * prunes and verifies while the directories change under it. ThreadSanitizer
 * looks at this one above all (see check). */
#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/run_kit.h"

#define ROUNDS 12

static const char *const names[] = {"orchestration", "ruby-worker", "old-branch"};

/* ---- somebody who writes into the caches meanwhile */

struct disturber {
    pthread_t thread;
    const char *caches;
    atomic_bool stop;
};

static void *disturb(void *arg)
{
    struct disturber *disturber = arg;
    while (!atomic_load(&disturber->stop)) {
        file_write_text(disturber->caches, "orchestration/oci-layout",
                        "{\"imageLayoutVersion\":\"1.0.0\"}");
        file_write_text(disturber->caches, "comes-and-goes/index.json", "{\"manifests\":[]}");
        char *path = path_join(disturber->caches, "comes-and-goes/index.json");
        unlink(path);
        free(path);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return NULL;
}

/* ---- what is asked for */

struct session {
    struct run *run;
    size_t verified, pruned; /* caches; rounds in which something went */
    bool over;
};

static void on_verified(void *arg, const struct bilge_verified *verified)
{
    struct session *session = arg;
    assert_non_null(verified->service_id);
    session->verified++;
}

static void on_done(void *arg, const struct err *err)
{
    struct session *session = arg;
    (void)err;
    session->over = true;
}

/* Old enough to be garbage. */
static void put_orphan(const struct run *run, int number)
{
    char *name = mem_printf("orchestration/blobs/sha256/%064d", number);
    char *path = path_join(run->world->caches, name);
    const struct timespec when = {.tv_sec = time(NULL) - 100000}, times[2] = {when, when};
    file_write_text(run->world->caches, name, "nobody needs this");
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
    free(name);
}

static void start_verify(struct session *session)
{
    static const struct bilge_care_ops ops = {.on_verified = on_verified, .on_done = on_done};
    const char *ids[sizeof names / sizeof names[0]];
    struct err err = {0};
    size_t len = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct service *row = run_row(session->run, names[i]);
        if (row != NULL)
            ids[len++] = row->id;
    }
    session->over = false;
    if (bilge_verify(session->run->bilge, ids, len, false, &ops, session, &err) != 0)
        fail_msg("bilge_verify: %s", err.text);
}

static bool prunes(const struct run *run)
{
    return run->store->prune.state == PRUNE_RUNNING;
}

static void run_round(struct session *session, int number)
{
    struct run *run = session->run;
    struct query query = query_garbage();
    put_orphan(run, number);
    bilge_rescan(run->bilge, NULL);
    run_plan(run, &query);
    assert_non_null(run->plan);
    start_verify(session);
    if (run->plan->items_len > 0) {
        struct err err = {0};
        if (bilge_execute(run->bilge, run->plan, &err) != 0)
            fail_msg("bilge_execute: %s", err.text);
        run->plan = NULL;
        session->pruned++;
    }
    bilge_look_at_disks(run->bilge);
    while (!session->over || prunes(run)) {
        bilge_rescan(run->bilge, NULL);
        uv_run(&run->loop.loop, UV_RUN_ONCE);
    }
}

static void test_everything_at_once(void **state)
{
    struct session session = {.run = run_usual()};
    struct run *run = session.run;
    struct disturber disturber = {.caches = run->world->caches};
    (void)state;
    assert_int_equal(pthread_create(&disturber.thread, NULL, disturb, &disturber), 0);
    for (int i = 0; i < ROUNDS; i++)
        run_round(&session, i);
    atomic_store(&disturber.stop, true);
    pthread_join(disturber.thread, NULL);
    run_settle(run);
    assert_true(session.verified >= ROUNDS);
    assert_true(session.pruned > 0);
    assert_int_equal(run_state(run, "orchestration"), CACHE_OK);
    assert_true(run_row(run, "orchestration")->cache->generations[0].whole);
    run_close(run);
}

static void test_closing_in_the_middle_of_it(void **state)
{
    struct session session = {.run = run_usual()};
    struct query query = query_garbage();
    struct err err = {0};
    (void)state;
    run_plan(session.run, &query);
    start_verify(&session);
    bilge_rescan(session.run->bilge, NULL);
    assert_int_equal(bilge_execute(session.run->bilge, session.run->plan, &err), 0);
    session.run->plan = NULL;
    run_close(session.run);
}

int main(void)
{
    limit_program(240);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_closing_in_the_middle_of_it),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
