#include "tests/unit/run_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/tempdir.h"

static void on_check(uv_check_t *check)
{
    struct run *run = check->data;
    run->passes++;
}

void run_on_change(void *arg)
{
    struct run *run = arg;
    assert_false(run->closed);
    if (run->changes++ > 0)
        assert_true(run->passes > run->pass_of_change); /* once a pass */
    run->pass_of_change = run->passes;
}

/* The process itself lives in the world. */
void run_enter(const struct world *world)
{
    for (char **one = world->environment; *one != NULL; one++) {
        char *name = mem_strndup(*one, strcspn(*one, "="));
        assert_int_equal(setenv(name, *one + strlen(name) + 1, 1), 0);
        free(name);
    }
    assert_int_equal(chdir(world->project), 0);
}

struct run *run_new(struct world *world)
{
    struct run *run = mem_zalloc(sizeof *run);
    run->world = world;
    unsetenv("BUILDX_BUILDER");
    unsetenv("DOCKER_CONTEXT");
    run_enter(world);
    loop_open(&run->loop, 30000);
    uv_check_init(&run->loop.loop, &run->check);
    run->check.data = run;
    uv_check_start(&run->check, on_check);
    uv_unref((uv_handle_t *)&run->check);
    return run;
}

void run_open(struct run *run)
{
    struct err err = {0};
    if (bilge_open(&run->loop.loop, &run->options, run_on_change, run, &run->bilge, &err) != 0)
        fail_msg("bilge_open: %s", err.text);
    run->store = bilge_store(run->bilge);
}

static void on_closed(void *arg)
{
    struct run *run = arg;
    run->closed = true;
}

void run_reopen(struct run *run)
{
    bilge_close(run->bilge, on_closed, run);
    loop_wait(&run->loop, &run->closed);
    run->closed = false;
    run->changes = 0;
}

void run_close(struct run *run)
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

void run_settle(struct run *run)
{
    WAIT(run, store_settled(run->store));
}

char *run_path(const struct run *run, const char *name)
{
    return path_join(run->world->caches, name);
}

const struct service *run_row(const struct run *run, const char *name)
{
    return store_service_named(run->store, name, NULL);
}

enum cache_state run_state(const struct run *run, const char *name)
{
    const struct service *row = run_row(run, name);
    return row == NULL || row->cache == NULL ? CACHE_UNREADABLE : row->cache->state;
}

struct run *run_usual(void)
{
    struct run *run = run_new(world_new_usual());
    world_start_engine(run->world);
    run->options.watch = true;
    run_open(run);
    run_settle(run);
    return run;
}

void run_on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct run *run = arg;
    run->planned = true;
    run->plan = plan;
    if (plan == NULL)
        run->plan_err = *err;
}

void run_plan(struct run *run, const struct query *query)
{
    struct err err = {0};
    plan_free(run->plan);
    run->plan = NULL;
    run->planned = false;
    if (bilge_plan(run->bilge, query, run_on_plan, run, &err) != 0)
        fail_msg("bilge_plan: %s", err.text);
    assert_false(run->planned); /* not before it returns */
    loop_wait(&run->loop, &run->planned);
}

struct query query_garbage(void)
{
    struct query query;
    query_init(&query);
    query.garbage = true;
    return query;
}

void run_execute(struct run *run)
{
    struct err err = {0};
    if (bilge_execute(run->bilge, run->plan, &err) != 0)
        fail_msg("bilge_execute: %s", err.text);
    run->plan = NULL;
    assert_int_equal(run->store->prune.state, PRUNE_RUNNING);
    WAIT(run, run->store->prune.state == PRUNE_OVER);
}

size_t run_older(const struct run *run)
{
    return run_row(run, "orchestration")->cache->generations_len - 1;
}

static void on_output(void *arg, const char *data, size_t len)
{
    struct run *run = arg;
    buf_append(&run->output, data, len);
}

uint64_t run_build(struct run *run, const char *service)
{
    struct bilge_build_options options = {.on_output = on_output, .arg = run};
    struct err err = {0};
    uint64_t id = 0;
    if (bilge_build(run->bilge, &service, 1, &options, &id, &err) != 0)
        fail_msg("bilge_build: %s", err.text);
    return id;
}

void run_script_build(const struct run *run, const char *mode)
{
    file_write_text(run->world->docker, "build.mode", mode);
    file_write_text(run->world->docker, "build.log", "#1 [a 1/1] RUN x\n#1 DONE 0.1s\n");
    file_write_text(run->world->docker, "build.1", "#1 [a 1/1] RUN x\n");
}

int64_t run_du(const char *path)
{
    char *command = mem_printf("du -B1 -s '%s'", path), line[64] = "";
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    pclose(pipe);
    free(command);
    return atoll(line);
}
