/* Builds that wait for each other, run side by side, are taken out and done
 * again. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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
    struct bilge *bilge;
    const struct store *store;
    char *history;
    bool closed;
};

static void on_change(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg)
{
    struct run *run = arg;
    run->closed = true;
}

#define WAIT(run, condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&(run)->loop.loop, UV_RUN_ONCE);                                                \
    } while (0)

/* With two at a time come settings for every build. */
static void run_open(struct run *run, int parallel)
{
    static const char *const profiles[] = {"test"}, *const args[] = {"A=0", "Z=9"};
    *run = (struct run){.world = world_new_usual()};
    for (char **one = run->world->environment; *one != NULL; one++) {
        char *name = mem_strndup(*one, strcspn(*one, "="));
        assert_int_equal(setenv(name, *one + strlen(name) + 1, 1), 0);
        free(name);
    }
    assert_int_equal(chdir(run->world->project), 0);
    run->history = path_join(run->world->path, "history.db");
    const struct bilge_options options = {.watch = true,
                                          .skip_engine = true,
                                          .history_path = run->history,
                                          .build_profiles = profiles,
                                          .build_profiles_len = parallel == 2,
                                          .build_args = args,
                                          .build_args_len = parallel == 2 ? 2 : 0,
                                          .build_parallel = parallel};
    loop_open(&run->loop, 60000);
    assert_int_equal(bilge_open(&run->loop.loop, &options, on_change, run, &run->bilge, NULL), 0);
    run->store = bilge_store(run->bilge);
    WAIT(run, store_settled(run->store));
}

static void run_close(struct run *run)
{
    bilge_close(run->bilge, on_closed, run);
    loop_wait(&run->loop, &run->closed);
    loop_finish(&run->loop);
    assert_int_equal(chdir("/"), 0);
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    world_free(run->world);
    free(run->history);
}

/* What the builds that start from now on do: "hang" until stopped, "log" and end. */
static void script(const struct run *run, const char *mode)
{
    file_write_text(run->world->docker, "build.mode", mode);
    file_write_text(run->world->docker, "build.log", "#1 [a 1/1] RUN x\n#1 DONE 0.1s\n");
    file_write_text(run->world->docker, "build.1", "#1 [a 1/1] RUN x\n");
}

static int ask(struct run *run, const char *service, uint64_t *ret_id)
{
    static const struct bilge_build_options options;
    struct err err;
    return bilge_build(run->bilge, &service, service != NULL, &options, ret_id, &err);
}

static uint64_t build(struct run *run, const char *service)
{
    uint64_t id = 0;
    assert_int_equal(ask(run, service, &id), 0);
    return id;
}

static enum build_state state_of(const struct run *run, uint64_t id)
{
    const struct build *found = store_build(run->store, id);
    assert_non_null(found);
    return found->state;
}

static size_t place_of(const struct run *run, uint64_t id)
{
    return store_build(run->store, id)->place;
}

/* "hang" has begun to run: its first output is there, so its traps are set. */
static bool has_output(const struct run *run, uint64_t id)
{
    return buildlog_end(store_build(run->store, id)->log) > 0;
}

static size_t past_builds(const struct run *run)
{
    return run->store->past_len;
}

/* ---------------------------------------------------------------------------- */

static void test_one_after_the_other(void **state)
{
    struct run run;
    (void)state;
    run_open(&run, 0);
    script(&run, "hang");
    uint64_t first = build(&run, "orchestration"), other;
    uint64_t second = build(&run, "ruby-worker"), third = build(&run, "orchestration");
    assert_int_equal(state_of(&run, first), BUILD_RUNNING);
    assert_int_equal(state_of(&run, second), BUILD_QUEUED);
    assert_int_equal(place_of(&run, second), 1);
    assert_int_equal(place_of(&run, third), 2);
    /* A key that repeats asks once. */
    assert_int_equal(ask(&run, "orchestration", &other), ERR_BUSY);
    assert_int_equal(store_last_build(run.store, "orchestration")->id, first);
    WAIT(&run, has_output(&run, first));
    script(&run, "log");
    bilge_build_stop(run.bilge, first);
    WAIT(&run, state_of(&run, third) == BUILD_DONE);
    assert_int_equal(state_of(&run, second), BUILD_DONE);
    const struct build *two = store_build(run.store, second),
                       *three = store_build(run.store, third);
    assert_true(three->started_mono_ms >= two->started_mono_ms + two->duration_ms);
    WAIT(&run, past_builds(&run) == 3); /* each is remembered */
    run_close(&run);
}

static void test_taken_out(void **state)
{
    struct run run;
    (void)state;
    run_open(&run, 1);
    script(&run, "hang");
    uint64_t first = build(&run, "orchestration");
    uint64_t second = build(&run, "ruby-worker"), third = build(&run, "rust-worker");
    bilge_build_stop(run.bilge, second);
    assert_null(store_build(run.store, second));
    assert_int_equal(place_of(&run, third), 1);
    WAIT(&run, has_output(&run, first));
    script(&run, "log");
    bilge_build_stop(run.bilge, first);
    WAIT(&run, state_of(&run, third) == BUILD_DONE);
    WAIT(&run, past_builds(&run) == 2); /* what never ran is none */
    char *calls = world_docker_calls(run.world);
    assert_null(strstr(calls, "build ruby-worker"));
    free(calls);
    run_close(&run);
}

static void test_side_by_side(void **state)
{
    struct run run;
    (void)state;
    run_open(&run, 3);
    script(&run, "hang");
    uint64_t first = build(&run, "orchestration"), second = build(&run, "ruby-worker");
    uint64_t again = build(&run, "orchestration"); /* there would be room */
    uint64_t all = build(&run, NULL), last = build(&run, "rust-worker");
    assert_int_equal(state_of(&run, second), BUILD_RUNNING);
    assert_int_equal(place_of(&run, again), 1);
    assert_int_equal(place_of(&run, all), 2);
    assert_int_equal(place_of(&run, last), 3); /* it does not overtake "all" */
    WAIT(&run, has_output(&run, first) && has_output(&run, second));
    bilge_build_stop(run.bilge, all);
    assert_int_equal(place_of(&run, last), 2);
    WAIT(&run, state_of(&run, last) == BUILD_RUNNING);
    assert_int_equal(state_of(&run, again), BUILD_QUEUED);
    WAIT(&run, has_output(&run, last));
    bilge_build_stop(run.bilge, first);
    WAIT(&run, state_of(&run, again) == BUILD_RUNNING);
    assert_int_equal(place_of(&run, again), 0);
    run_close(&run); /* with three that run */
}

static void test_again(void **state)
{
    static const char *const args[] = {"A=1", "B=two words"};
    static const struct bilge_build_options options = {
        .no_cache = true, .pull = true, .build_args = args, .build_args_len = 2};
    static const char wanted[] = "compose --profile test build --no-cache --pull --build-arg Z=9 "
                                 "--build-arg A=1 --build-arg B=two words orchestration\n";
    const char *service = "orchestration";
    struct run run;
    uint64_t first, second, third;
    struct err err;
    (void)state;
    run_open(&run, 2);
    script(&run, "log");
    assert_int_equal(bilge_build(run.bilge, &service, 1, &options, &first, &err), 0);
    WAIT(&run, state_of(&run, first) == BUILD_DONE);
    script(&run, "hang");
    assert_int_equal(bilge_build_again(run.bilge, first, &second, &err), 0);
    assert_null(store_build(run.store, first)); /* superseded */
    assert_true(bilge_build_again(run.bilge, first, &third, &err) < 0);
    WAIT(&run, has_output(&run, second));
    script(&run, "log");
    assert_int_equal(bilge_build_again(run.bilge, second, &third, &err), 0); /* while it runs */
    WAIT(&run, state_of(&run, third) == BUILD_DONE);
    char *calls = world_docker_calls(run.world), *at = calls;
    for (int i = 0; i < 3; i++, at += strlen(wanted)) {
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    free(calls);
    WAIT(&run, past_builds(&run) == 3);
    run_close(&run);
}

/* What can't be started when its turn comes says so, and holds nobody up. */
static void test_a_turn_that_fails(void **state)
{
    struct run run;
    (void)state;
    run_open(&run, 1);
    script(&run, "hang");
    uint64_t first = build(&run, "orchestration"), second = build(&run, "ruby-worker");
    WAIT(&run, has_output(&run, first));
    setenv("PATH", "/nonexistent", 1);
    bilge_build_stop(run.bilge, first);
    WAIT(&run, state_of(&run, second) == BUILD_FAILED);
    assert_non_null(strstr(store_build(run.store, second)->error, "docker"));
    run_close(&run);
}

static void test_refused(void **state)
{
    struct run run;
    uint64_t id;
    (void)state;
    run_open(&run, 1);
    script(&run, "hang");
    assert_int_equal(ask(&run, "old-branch", &id), ERR_USAGE);
    build(&run, "orchestration");
    struct bilge_build_options options = {0};
    char argument[32];
    const char *service = "ruby-worker", *arguments[] = {argument};
    options.build_args = arguments;
    options.build_args_len = 1;
    int code = 0, count = 0;
    for (; code == 0 && count < 1000; count++) {
        snprintf(argument, sizeof argument, "N=%d", count);
        code = bilge_build(run.bilge, &service, 1, &options, &id, NULL);
    }
    assert_int_equal(code, ERR_BUSY);
    assert_int_equal(count, 65);
    run_close(&run); /* with a long queue */
}

/* What a killed run may have left where the file system knows no files without
 * names; and nothing else. */
static void test_what_a_killed_run_left(void **state)
{
    struct run run;
    (void)state;
    run_open(&run, 1);
    file_write_text(run.world->path, ".bilge-log-a1B2c3", "");
    file_write_text(run.world->path, ".bilge-log-a1B2c3d", "");
    file_write_text(run.world->path, "bilge-log-a1B2c3", "");
    char *target = path_join(run.world->path, ".bilge-log-link56");
    assert_int_equal(symlink("nowhere", target), 0);
    bilge_close(run.bilge, on_closed, &run);
    loop_wait(&run.loop, &run.closed);
    run.closed = false;
    const struct bilge_options options = {.watch = true, .history_path = run.history};
    assert_int_equal(bilge_open(&run.loop.loop, &options, on_change, &run, &run.bilge, NULL), 0);
    WAIT(&run, !file_exists(run.world->path, ".bilge-log-a1B2c3"));
    assert_true(file_exists(run.world->path, ".bilge-log-a1B2c3d"));
    assert_true(file_exists(run.world->path, "bilge-log-a1B2c3"));
    assert_int_equal(unlink(target), 0); /* it was left alone */
    free(target);
    run_close(&run);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other),    cmocka_unit_test(test_taken_out),
        cmocka_unit_test(test_side_by_side),           cmocka_unit_test(test_again),
        cmocka_unit_test(test_a_turn_that_fails),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_a_killed_run_left),
    };
    limit_program(120);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("builds", tests, NULL, NULL);
}
