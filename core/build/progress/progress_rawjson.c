/* BUILDKIT_PROGRESS=rawjson: the engine's own events. What plain progress has
 * to guess or to leave out stands here: the same vertex under two services is
 * told for both, times are exact, and no step waits for another one's output.
 *
 * A vertex is told anew whenever it changes, and can run several times; its key
 * is digest and name. Status and output name the digest alone. The lines for
 * people are made here, as plain progress would print them; and whatever is no
 * event goes through the plain parser.
 * Source: moby/buildkit client/graph.go (SolveStatus), progressui/printer.go. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/build/progress/progress.h"
#include "core/build/progress/rawjson.h"

#define OBJECT_MAX_BYTES (16 * 1024 * 1024)

int64_t rawjson_bytes(const cJSON *object, const char *name)
{
    int64_t bytes = json_count(object, name);
    return bytes < INT64_C(9000000000000000) ? bytes : 0;
}

/* -------------------------------------------------------------------- objects */

static const struct {
    const char *name;
    void (*read)(struct rawjson *progress, const cJSON *item);
} members[] = {
    {"vertexes", rawjson_read_vertex},
    {"statuses", rawjson_read_status},
    {"logs", rawjson_read_log},
    {"warnings", rawjson_read_warning},
};

static void on_object(void *arg, const char *text, size_t len)
{
    struct rawjson *progress = arg;
    cJSON *root = cJSON_ParseWithLength(text, len);
    /* "{}" says nothing, from whom says anything; else it is a tool's own line. */
    bool known = progress->events && cJSON_IsObject(root) && root->child == NULL;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const cJSON *list = json_get(root, members[i].name), *item;
        progress->events = progress->events || cJSON_IsArray(list);
        known = known || cJSON_IsArray(list);
        cJSON_ArrayForEach(item, list) members[i].read(progress, item);
    }
    cJSON_Delete(root);
    if (!known) {
        rawjson_pass_on(progress, text, len);
        rawjson_pass_on(progress, "\n", 1);
    }
}

static const struct objects_ops objects_ops = {
    .on_object = on_object,
    .on_other = rawjson_pass_on,
};

/* ----------------------------------------------------------------- life cycle */

static void *rawjson_open(struct build *build)
{
    struct rawjson *progress = mem_zalloc(sizeof *progress);
    progress->build = build;
    progress->plain = progress_plain.open(build);
    vertices_init(&progress->vertices, rawjson_on_output, progress);
    for (int i = 0; i < 2; i++)
        objects_init(&progress->streams[i], OBJECT_MAX_BYTES);
    return progress;
}

static void rawjson_feed(void *arg, int stream, const char *data, size_t len, int64_t now_mono_ms)
{
    struct rawjson *progress = arg;
    progress->stream = stream;
    progress->now_mono_ms = now_mono_ms;
    objects_feed(&progress->streams[stream == 2], data, len, &objects_ops, progress);
    progress->build->revision++;
}

static void rawjson_end(void *arg, int64_t now_mono_ms)
{
    struct rawjson *progress = arg;
    progress->now_mono_ms = now_mono_ms;
    for (int i = 0; i < 2; i++) {
        progress->stream = i + 1;
        objects_end(&progress->streams[i], &objects_ops, progress);
    }
    vertices_flush_all(&progress->vertices);
    progress_plain.end(progress->plain, now_mono_ms);
}

static void rawjson_close(void *arg)
{
    struct rawjson *progress = arg;
    for (int i = 0; i < 2; i++)
        objects_done(&progress->streams[i]);
    vertices_done(&progress->vertices);
    progress_plain.close(progress->plain);
    free(progress);
}

const struct progress_ops progress_rawjson = {
    .name = "rawjson",
    .readable = false,
    .open = rawjson_open,
    .feed = rawjson_feed,
    .end = rawjson_end,
    .close = rawjson_close,
};
