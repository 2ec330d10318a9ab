#include "tests/support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/support/tempdir.h"

#define GATES 8

static _Noreturn void give_up(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(99);
}

static const char *must_getenv(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        printf("Bail out! %s is not set: run it by make check\n", name);
        exit(99);
    }
    return value;
}

void world_setenv(struct world *world, const char *name, const char *value)
{
    size_t len = 0, name_len = strlen(name);
    char **kept = world->environment;
    for (char **one = world->environment; one != NULL && *one != NULL; one++) {
        if (strncmp(*one, name, name_len) == 0 && (*one)[name_len] == '=')
            free(*one);
        else
            kept[len++] = *one;
    }
    world->environment = mem_realloc(kept, (len + 2) * sizeof *kept);
    if (value != NULL)
        world->environment[len++] = mem_printf("%s=%s", name, value);
    world->environment[len] = NULL;
}

/* Sanitizers are told by their environment where to report to. */
static void keep_options_of_sanitizers(struct world *world)
{
    static const char *const names[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL)
            world_setenv(world, names[i], getenv(names[i]));
}

static void set_environment(struct world *world)
{
    char *home = path_join(world->path, "home");
    char *path = mem_printf("%s/bin:/usr/local/bin:/usr/bin:/bin", world->path);
    char *host = mem_printf("unix://%s", world->socket);
    world_setenv(world, "HOME", home);
    world_setenv(world, "PATH", path);
    /* Not xterm-256color: its "repeat this character" (rep) ends one column too
     * far in libvterm, when it ends at the edge. */
    world_setenv(world, "TERM", "tmux-256color");
    world_setenv(world, "LANG", "C.UTF-8");
    world_setenv(world, "TZ", "UTC");
    world_setenv(world, "DOCKER_HOST", host);
    world_setenv(world, "FAKE_DOCKER_DIR", world->docker);
    world_setenv(world, "BILGE_PROC", world->proc);
    keep_options_of_sanitizers(world);
    free(home);
    free(path);
    free(host);
}

static void make_gates(struct world *world)
{
    for (int i = 1; i <= GATES; i++) {
        char *gate = mem_printf("%s/gate.%d", world->docker, i);
        if (mkfifo(gate, 0600) < 0)
            give_up(gate);
        free(gate);
    }
}

struct world *world_new(void)
{
    struct world *world = mem_zalloc(sizeof *world);
    setenv("TMPDIR", "/tmp", 1); /* paths are on golden screens */
    world->path = tempdir_new();
    world->project = path_join(world->path, "project");
    world->caches = path_join(world->path, "caches");
    world->proc = path_join(world->path, "proc");
    world->docker = path_join(world->path, "docker");
    world->engine = path_join(world->path, "engine");
    world->socket = path_join(world->path, "docker.sock");
    static const char *const directories[] = {"project", "caches", "docker", "engine",
                                              "home",    "bin",    "proc"};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
        dir_make(world->path, directories[i]);
    char *real = mem_printf("%s/fake-docker", must_getenv("BILGE_TEST_SUPPORT"));
    char *docker = path_join(world->path, "bin/docker");
    if (symlink(real, docker) < 0)
        give_up(docker);
    make_gates(world);
    set_environment(world);
    free(real);
    free(docker);
    return world;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    world_stop_engine(world);
    for (char **one = world->environment; *one != NULL; one++)
        free(*one);
    free(world->environment);
    tempdir_free(world->path);
    free(world->project);
    free(world->caches);
    free(world->proc);
    free(world->docker);
    free(world->engine);
    free(world->socket);
    free(world);
}

void world_add_project(struct world *world, const char *const *services)
{
    struct buf config = {0};
    file_write_text(world->project, "compose.yml", "# the fake docker reads its answer instead\n");
    buf_append_str(&config, "{\"name\":\"tasker\",\"services\":{");
    for (size_t i = 0; services[i] != NULL; i++) {
        buf_printf(&config,
                   "%s\"%s\":{\"build\":{\"context\":\"%s/%s\",\"dockerfile\":\"Dockerfile\","
                   "\"cache_from\":[\"type=local,src=%s/%s\"],"
                   "\"cache_to\":[\"type=local,dest=%s/%s,mode=max\"]}}",
                   i > 0 ? "," : "", services[i], world->project, services[i], world->caches,
                   services[i], world->caches, services[i]);
        dir_make(world->project, services[i]);
    }
    buf_append_str(&config, "}}\n");
    file_write_text(world->docker, "config.json", config.data);
    buf_done(&config);
}

void world_add_cache(struct world *world, const struct fake_cache *cache)
{
    fake_cache_make(world->caches, cache);
}

void world_add_process(struct world *world, const char *pid, const char *const *words)
{
    struct buf line = {0};
    char *name = mem_printf("%s/cmdline", pid);
    for (; *words != NULL; words++)
        buf_append(&line, *words, strlen(*words) + 1);
    file_write(world->proc, name, line.data, line.len);
    buf_done(&line);
    free(name);
}

void world_remove_process(struct world *world, const char *pid)
{
    char *name = mem_printf("%s/%s/cmdline", world->proc, pid);
    unlink(name);
    free(name);
}

static char *file_or_nothing(const char *dir, const char *name)
{
    return file_exists(dir, name) ? file_read(dir, name, NULL) : mem_strdup("");
}

char *world_requests(struct world *world)
{
    return file_or_nothing(world->engine, "requests.log");
}

char *world_docker_calls(struct world *world)
{
    return file_or_nothing(world->docker, "calls.log");
}

void world_open_gate(struct world *world)
{
    char *path = mem_printf("%s/gate.%d", world->docker, ++world->gates_open);
    int fd = open(path, O_WRONLY | O_CLOEXEC); /* until the build stands at the gate */
    if (fd < 0 || write(fd, "\n", 1) != 1)
        give_up(path);
    close(fd);
    free(path);
}
