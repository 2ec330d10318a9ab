/* The engine's side of a world. */
#include "tests/support/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/support/tempdir.h"

static void add_time(struct buf *json, const char *name, int64_t age_s)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t now = clock_now() / CLOCK_SECOND * CLOCK_SECOND; /* its text has one width */
    if (age_s >= 0)
        buf_printf(json, ",\"%s\":\"%s\"", name, clock_rfc3339(text, now - age_s * CLOCK_SECOND));
}

static void add_record(struct buf *json, const struct world_record *record)
{
    buf_printf(json,
               "{\"ID\":\"%s\",\"Type\":\"%s\",\"Description\":\"%s\",\"InUse\":%s,\"Shared\":%s,"
               "\"Size\":%lld,\"UsageCount\":%d",
               record->id, record->type, record->description, record->in_use ? "true" : "false",
               record->shared ? "true" : "false", (long long)record->size_bytes, record->uses);
    if (record->parent != NULL)
        buf_printf(json, ",\" Parents\":[\"%s\"]", record->parent);
    add_time(json, "CreatedAt", record->created_s);
    add_time(json, "LastUsedAt", record->used_s);
    buf_append_str(json, "}");
}

void world_set_records(struct world *world, const char *name, const struct world_record *records)
{
    struct buf json = {0};
    buf_append_str(&json, "{\"LayersSize\":0,\"Images\":null,\"Containers\":null,\"Volumes\":null,"
                          "\"BuildCache\":[");
    for (size_t i = 0; records[i].id != NULL; i++) {
        buf_append_str(&json, i > 0 ? "," : "");
        add_record(&json, &records[i]);
    }
    buf_append_str(&json, "]}");
    char *file = mem_printf("%s.json", name);
    file_write_text(world->engine, file, json.data);
    free(file);
    buf_done(&json);
}

static void write_usual_answers(struct world *world)
{
    static const struct {
        const char *file, *text;
    } answers[] = {
        {"_ping.json", "OK"},
        {"version.json", "{\"Version\":\"26.1.5\",\"ApiVersion\":\"1.45\",\"Os\":\"linux\"}"},
        {"build_prune.json", "{\"CachesDeleted\":[],\"SpaceReclaimed\":0}"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (!file_exists(world->engine, answers[i].file))
            file_write_text(world->engine, answers[i].file, answers[i].text);
    char *info =
        mem_printf("{\"ServerVersion\":\"26.1.5\",\"DockerRootDir\":\"%s\"}", world->engine);
    if (!file_exists(world->engine, "info.json"))
        file_write_text(world->engine, "info.json", info);
    free(info);
}

void world_start_engine(struct world *world)
{
    const char *program = getenv("BILGE_TEST_FAKE_ENGINE");
    int ready[2];
    char byte;
    write_usual_answers(world);
    if (program == NULL || pipe(ready) < 0) {
        printf("Bail out! BILGE_TEST_FAKE_ENGINE is not set: run it by make check\n");
        exit(99);
    }
    world->engine_pid = fork();
    if (world->engine_pid == 0) {
        dup2(ready[1], STDOUT_FILENO);
        close(ready[0]);
        close(ready[1]);
        alarm(0);
        execl(program, program, world->socket, world->engine, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        printf("Bail out! the fake engine did not start\n");
        exit(99);
    }
    close(ready[0]);
}

void world_stop_engine(struct world *world)
{
    if (world->engine_pid <= 0)
        return;
    kill(world->engine_pid, SIGKILL);
    waitpid(world->engine_pid, NULL, 0);
    world->engine_pid = 0;
    unlink(world->socket);
}

/* Just below 8 MB in whole blocks: the sums read the same ("40.0 MB") whether
 * small files and directories take blocks or not. */
#define LAYER_BYTES (1952 * 4096)

struct world *world_new_usual(void)
{
    static const char *const services[] = {"orchestration", "ruby-worker", "rust-worker", NULL};
    static const struct fake_cache caches[] = {
        {"orchestration", 3, LAYER_BYTES, 3, 2 * 3600 + 600},
        {"ruby-worker", 4, LAYER_BYTES / 2, 1, 5 * 3600 + 600},
        {"old-branch", 3, LAYER_BYTES / 2, 1, 34 * 86400 + 7200},
    };
    static const struct world_record records[] = {
        {"aaaaaaaaaaaaaaaaaaaaaaaa1", NULL, "exec.cachemount",
         "cached mount /app/target from exec /bin/sh -c cargo build", 3100000000, 86400, 7260, 41,
         false, false},
        {"aaaaaaaaaaaaaaaaaaaaaaaa2", NULL, "regular", "[builder 1/6] FROM local/base:1", 88000000,
         40 * 86400, 2 * 86400 + 60, 12, false, true},
        {"aaaaaaaaaaaaaaaaaaaaaaaa3", "aaaaaaaaaaaaaaaaaaaaaaaa2", "regular",
         "mount / from exec /bin/sh -c apt-get install", 640000000, 9 * 86400 + 60, 3 * 3600 + 60,
         7, false, false},
        {"aaaaaaaaaaaaaaaaaaaaaaaa4", NULL, "source.local", "local source for context", 52000,
         86400, 7260, 9, false, false},
        {"aaaaaaaaaaaaaaaaaaaaaaaa5", NULL, "regular", "mount / from exec /bin/sh -c cargo build",
         1200000000, 7300, 120, 1, true, false},
        {0},
    };
    struct world *world = world_new();
    world_add_project(world, services);
    for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++)
        world_add_cache(world, &caches[i]);
    world_set_records(world, "system_df", records);
    return world;
}
