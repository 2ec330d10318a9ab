/* The runner against scripted tools. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/run/compose_tool.h"
#include "core/builds/run/runner.h"
#include "tests/support/fake_tool.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"

#define VERSION "[ \"$2\" = version ] && { echo 2.20.0; exit 0; }\n"

struct watcher {
    struct runner *runner;
    struct buf output;
    size_t progress_calls;
    bool started; /* some output has come */
    bool ended;
    bool free_at_end;
};

static void on_progress(void *arg)
{
    struct watcher *watcher = arg;
    watcher->progress_calls++;
    watcher->started = true;
}

static void on_output(void *arg, const char *data, size_t len)
{
    struct watcher *watcher = arg;
    buf_append(&watcher->output, data, len);
}

static void on_end(void *arg)
{
    struct watcher *watcher = arg;
    assert_false(watcher->ended);
    watcher->ended = true;
    if (watcher->free_at_end) {
        runner_free(watcher->runner);
        watcher->runner = NULL;
    }
}

static const struct runner_ops ops = {
    .on_progress = on_progress,
    .on_output = on_output,
    .on_end = on_end,
};

struct scene {
    char *bin;
    struct loop_fixture fixture;
    struct watcher watcher;
    struct build *build;
};

static int scene_start(struct scene *scene, const char *docker, const char *standalone,
                       const struct runner_spec *spec, struct err *err)
{
    scene->bin = tempdir_new();
    scene->watcher = (struct watcher){0};
    if (docker != NULL)
        fake_tool(scene->bin, "docker", docker);
    if (standalone != NULL)
        fake_tool(scene->bin, "docker-compose", standalone);
    fake_path_set(scene->bin);
    loop_open(&scene->fixture, 60000);
    char *command = runner_command(spec);
    scene->build = build_new(1, spec->services, spec->services_len, command, 65536);
    free(command);
    return runner_start(&scene->fixture.loop, spec, scene->build, &ops, &scene->watcher,
                        &scene->watcher.runner, err);
}

static void scene_end(struct scene *scene)
{
    runner_free(scene->watcher.runner);
    loop_finish(&scene->fixture);
    buf_done(&scene->watcher.output);
    build_free(scene->build);
    fake_path_restore();
    tempdir_free(scene->bin);
}

static const struct {
    const char *docker, *standalone;
    enum build_state state;
    int status;
    const char *error; /* stands in it; NULL: none */
} end_cases[] = {
    {VERSION "echo '#1 [api 1/1] FROM x'; echo '#1 DONE 0.1s'", NULL, BUILD_DONE, 0, NULL},
    {VERSION "echo 'some note' >&2", NULL, BUILD_DONE, 0, NULL},
    {VERSION "echo 'failed to solve: bad' >&2; exit 17", NULL, BUILD_FAILED, 17, "bad"},
    {VERSION "echo '#1 [api 1/1] RUN x'; echo '#1 ERROR: broken'; exit 1", NULL, BUILD_FAILED, 1,
     "broken"},
    {VERSION "exit 5", NULL, BUILD_FAILED, 5, "docker compose build api ended with status 5"},
    {VERSION "kill -9 $$", NULL, BUILD_FAILED, 137, "Killed"},
    {VERSION "exit 255", NULL, BUILD_FAILED, 255, "docker compose build api ended with status 255"},
    {VERSION "exit 130", NULL, BUILD_CANCELLED, 130, NULL},
    {"echo \"docker: 'compose' is not a docker command.\" >&2; exit 1",
     "[ \"$1\" = version ] && { echo 1.29.2; exit 0; }\necho \"with $*\"", BUILD_DONE, 0, NULL},
    {NULL, "[ \"$1\" = version ] && { echo 1.29.2; exit 0; }\nexit 2", BUILD_FAILED, 2,
     "ended with status 2"},
    {"exit 1", NULL, BUILD_FAILED, 127, "no compose plugin"},
    {"exit 1", "exit 1", BUILD_FAILED, 127, "no compose plugin"},
};

static void test_ends(void **state)
{
    (void)state;
    static const char *const services[] = {"api"};
    const struct runner_spec spec = {.services = services, .services_len = 1};
    for (size_t i = 0; i < sizeof end_cases / sizeof end_cases[0]; i++) {
        struct scene scene;
        assert_int_equal(
            scene_start(&scene, end_cases[i].docker, end_cases[i].standalone, &spec, NULL), 0);
        scene.watcher.free_at_end = i % 2 == 0;
        loop_wait(&scene.fixture, &scene.watcher.ended);
        assert_int_equal(scene.build->state, end_cases[i].state);
        assert_int_equal(scene.build->exit_status, end_cases[i].status);
        if (end_cases[i].error == NULL)
            assert_null(scene.build->error);
        else if (scene.build->error == NULL || !strstr(scene.build->error, end_cases[i].error))
            fail_msg("case %zu: \"%s\"", i, scene.build->error);
        scene_end(&scene);
    }
}

static void test_no_tool(void **state)
{
    (void)state;
    const struct runner_spec spec = {0};
    struct scene scene;
    struct err err;
    assert_int_equal(scene_start(&scene, NULL, NULL, &spec, &err), -ENOENT);
    assert_non_null(strstr(err.text, "docker"));
    scene_end(&scene);
}

static void test_output_and_arguments(void **state)
{
    (void)state;
    static const char *const services[] = {"api", "web"};
    const struct runner_spec spec = {
        .compose_file = "my.yml",
        .directory = "/",
        .builder = "other",
        .services = services,
        .services_len = 2,
        .no_cache = true,
    };
    struct scene scene;
    assert_int_equal(scene_start(&scene,
                                 VERSION "echo \"$* in $(pwd) $DOCKER_BUILDKIT "
                                         "$COMPOSE_DOCKER_CLI_BUILD $BUILDX_BUILDER\"",
                                 NULL, &spec, NULL),
                     0);
    assert_string_equal(scene.build->command, "docker compose -f my.yml build --no-cache api web");
    assert_int_equal(runner_session(scene.watcher.runner), 0);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_string_equal(scene.watcher.output.data,
                        "compose -f my.yml build --no-cache api web in / 1 1 other\n");
    assert_true(scene.watcher.progress_calls > 0);
    assert_int_equal(buildlog_end(scene.build->log), 1);
    scene_end(&scene);
}

/* What people named like an option never becomes one of the tool's. */
static void test_words_that_begin_with_a_dash(void **state)
{
    (void)state;
    static const char *const services[] = {"api", "--push"};
    static const char *const profiles[] = {"dev", "--dry-run"};
    static const char *const args[] = {"A=1", "--output=x"};
    const struct runner_spec spec = {
        .compose_file = "-o.yml",
        .builder = "--help",
        .services = services,
        .services_len = 2,
        .profiles = profiles,
        .profiles_len = 2,
        .build_args = args,
        .build_args_len = 2,
    };
    struct scene scene;
    assert_int_equal(scene_start(&scene,
                                 VERSION "echo \"builder $BUILDX_BUILDER\"\n"
                                         "for word; do echo \"$word\"; done",
                                 NULL, &spec, NULL),
                     0);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_string_equal(scene.watcher.output.data,
                        "builder --help\ncompose\n-f\n./-o.yml\n--profile\ndev\n"
                        "--profile=--dry-run\nbuild\n--build-arg\nA=1\n"
                        "--build-arg=--output=x\n--\napi\n--push\n");
    scene_end(&scene);
}

/* A tool that can tell events is asked for them; people get lines all the same. */
static void test_rawjson(void **state)
{
    (void)state;
    const struct runner_spec spec = {0};
    struct scene scene;
    assert_int_equal(
        scene_start(&scene,
                    "[ \"$2\" = version ] && { echo v2.26.1-4; exit 0; }\n"
                    "echo \"$BUILDKIT_PROGRESS $COMPOSE_PROGRESS $COMPOSE_ANSI\"\n"
                    "echo '{\"vertexes\":[{\"digest\":\"d\",\"name\":\"[a 1/1] RUN x\","
                    "\"started\":\"2026-11-22T08:00:01Z\"}]}'",
                    NULL, &spec, NULL),
        0);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_string_equal(scene.watcher.output.data, "rawjson auto auto\n\n#1 [a 1/1] RUN x\n");
    assert_int_equal(scene.build->steps_len, 1);
    assert_int_equal(scene.build->steps[0].state, STEP_DONE);
    scene_end(&scene);
}

static void test_traditional(void **state)
{
    (void)state;
    const struct runner_spec spec = {.traditional = true};
    struct scene scene;
    assert_int_equal(
        scene_start(&scene,
                    "[ \"$2\" = version ] && { echo 2.40.3; exit 0; }\n"
                    "echo \"Step 1/1 : FROM $DOCKER_BUILDKIT$COMPOSE_DOCKER_CLI_BUILD\"\n"
                    "echo 'Successfully built 5eb826c9f784'",
                    NULL, &spec, NULL),
        0);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_int_equal(scene.build->steps_len, 1);
    assert_string_equal(scene.build->steps[0].instruction, "FROM 00");
    scene_end(&scene);
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *version;
        int major, minor;
        bool rawjson;
    } cases[] = {
        {"2.26.1-4\n", "2.26.1-4", 2, 26, true},
        {"v2.40.3\n", "2.40.3", 2, 40, true},
        {"2.25.0", "2.25.0", 2, 25, false},
        {"1.29.2\n", "1.29.2", 1, 29, false},
        {"5.0.1\n", "5.0.1", 5, 0, true},
        {"dev\n", "", 0, 0, false},
        {"", "", 0, 0, false},
        {"2", "", 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tool tool = {0};
        tool_read_version(&tool, cases[i].text);
        assert_string_equal(tool.version, cases[i].version);
        assert_int_equal(tool.major, cases[i].major);
        assert_int_equal(tool.minor, cases[i].minor);
        assert_int_equal(tool_knows_rawjson(&tool), cases[i].rawjson);
    }
}

/* Each gets one signal more than the one before needs. */
static void test_stop(void **state)
{
    (void)state;
    static const struct {
        const char *docker;
        size_t calls;
        int status;
        enum build_state state;
    } cases[] = {
        {VERSION "trap 'exit 130' INT; echo go; while :; do sleep 0.01; done", 1, 130,
         BUILD_CANCELLED},
        {VERSION "trap 'exit 0' INT; echo go; while :; do sleep 0.01; done", 1, 0, BUILD_DONE},
        {VERSION "trap '' INT; trap 'exit 3' TERM; echo go; while :; do sleep 0.01; done", 2, 3,
         BUILD_CANCELLED},
        {VERSION "trap '' INT TERM; echo go; while :; do sleep 0.01; done", 3, 137,
         BUILD_CANCELLED},
    };
    const struct runner_spec spec = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        assert_int_equal(scene_start(&scene, cases[i].docker, NULL, &spec, NULL), 0);
        loop_wait(&scene.fixture, &scene.watcher.started);
        assert_true(runner_session(scene.watcher.runner) > 0);
        for (size_t n = 0; n < cases[i].calls; n++) {
            loop_linger(&scene.fixture, 50);
            assert_false(scene.watcher.ended);
            runner_stop(scene.watcher.runner);
            assert_int_equal(scene.build->state, BUILD_STOPPING);
        }
        loop_wait(&scene.fixture, &scene.watcher.ended);
        assert_int_equal(scene.build->state, cases[i].state);
        assert_int_equal(scene.build->exit_status, cases[i].status);
        assert_null(scene.build->error);
        runner_stop(scene.watcher.runner); /* over: does nothing */
        assert_int_equal(scene.build->state, cases[i].state);
        scene_end(&scene);
    }
}

static void test_stop_before_the_tool_is_known(void **state)
{
    (void)state;
    const struct runner_spec spec = {0};
    struct scene scene;
    assert_int_equal(scene_start(&scene, VERSION "echo go; sleep 600", NULL, &spec, NULL), 0);
    runner_stop(scene.watcher.runner);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_int_equal(scene.build->state, BUILD_CANCELLED);
    assert_int_equal(scene.watcher.progress_calls, 0);
    scene_end(&scene);
}

/* Given up at any moment: nothing may stay behind, no callback comes. */
static void test_free_while_running(void **state)
{
    (void)state;
    const struct runner_spec spec = {0};
    struct scene scene;
    assert_int_equal(scene_start(&scene, VERSION "sleep 600", NULL, &spec, NULL), 0);
    scene_end(&scene);
    assert_int_equal(scene_start(&scene, VERSION "echo go; exec sleep 600", NULL, &spec, NULL), 0);
    loop_wait(&scene.fixture, &scene.watcher.started);
    int pid = runner_session(scene.watcher.runner);
    scene_end(&scene);
    assert_false(scene.watcher.ended);
    assert_int_equal(kill(pid, 0), -1);
}

/* A log whose file is slower than the tool: the tool waits, and nothing is lost. */
struct stall {
    uv_work_t works[4];
    uv_sem_t go_on;
};

static void stall_run(uv_work_t *work)
{
    uv_sem_wait(work->data);
}

static void test_a_slow_file(void **state)
{
    const struct runner_spec spec = {0};
    struct scene scene;
    struct stall stall;
    (void)state;
    scene_start(&scene,
                VERSION "echo '#1 [a 1/1] RUN x'; seq 1 300000 | sed 's/^/#1 0.5 line /'; "
                        "echo '#1 DONE 1.0s'",
                NULL, &spec, NULL);
    buildlog_spill_to(scene.build->log, &scene.fixture.loop, scene.bin);
    uv_sem_init(&stall.go_on, 0);
    for (int i = 0; i < 4; i++) {
        stall.works[i].data = &stall.go_on;
        uv_queue_work(&scene.fixture.loop, &stall.works[i], stall_run, NULL);
    }
    while (!buildlog_is_behind(scene.build->log))
        uv_run(&scene.fixture.loop, UV_RUN_ONCE);
    uint64_t end = buildlog_end(scene.build->log);
    loop_linger(&scene.fixture, 100); /* what comes now is not read */
    assert_int_equal(buildlog_end(scene.build->log), end);
    assert_true(end < 100000);
    assert_false(scene.watcher.ended);
    for (int i = 0; i < 4; i++)
        uv_sem_post(&stall.go_on);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_int_equal(scene.build->state, BUILD_DONE);
    assert_int_equal(buildlog_end(scene.build->log), 300002);
    assert_int_equal(buildlog_first(scene.build->log), 0);
    scene_end(&scene);
    uv_sem_destroy(&stall.go_on);
}

/* Stopped while it waits so: it ends all the same. */
static void test_stopped_at_a_slow_file(void **state)
{
    const struct runner_spec spec = {0};
    struct scene scene;
    struct stall stall;
    (void)state;
    scene_start(&scene, VERSION "echo '#1 [a 1/1] RUN x'; exec yes '#1 0.5 line'", NULL, &spec,
                NULL);
    buildlog_spill_to(scene.build->log, &scene.fixture.loop, scene.bin);
    uv_sem_init(&stall.go_on, 0);
    for (int i = 0; i < 4; i++) {
        stall.works[i].data = &stall.go_on;
        uv_queue_work(&scene.fixture.loop, &stall.works[i], stall_run, NULL);
    }
    while (!buildlog_is_behind(scene.build->log))
        uv_run(&scene.fixture.loop, UV_RUN_ONCE);
    runner_stop(scene.watcher.runner);
    loop_wait(&scene.fixture, &scene.watcher.ended);
    assert_int_equal(scene.build->state, BUILD_CANCELLED);
    for (int i = 0; i < 4; i++)
        uv_sem_post(&stall.go_on);
    scene_end(&scene);
    uv_sem_destroy(&stall.go_on);
}

int main(void)
{
    limit_program(120);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_no_tool),
        cmocka_unit_test(test_output_and_arguments),
        cmocka_unit_test(test_words_that_begin_with_a_dash),
        cmocka_unit_test(test_rawjson),
        cmocka_unit_test(test_traditional),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_before_the_tool_is_known),
        cmocka_unit_test(test_free_while_running),
        cmocka_unit_test(test_a_slow_file),
        cmocka_unit_test(test_stopped_at_a_slow_file),
    };
    return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
