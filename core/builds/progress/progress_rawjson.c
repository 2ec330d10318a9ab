/* BUILDKIT_PROGRESS=rawjson: the engine's own events. What plain progress has
 * to guess or to leave out stands here: the same vertex under two services is
 * told for both, times are exact, and no step waits for another one's output.
 *
 * A vertex is told anew whenever it changes, and can run several times; its key
 * is digest and name. Status and output name the digest alone. The lines for
 * people are made here, as plain progress would print them; and whatever is no
 * event goes through the plain parser.
 * Source: moby/buildkit client/graph.go (SolveStatus), progressui/printer.go. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/builds/build.h"
#include "core/builds/progress/objects.h"
#include "core/builds/progress/progress.h"
#include "core/builds/progress/reason.h"
#include "core/builds/progress/remarks.h"
#include "core/builds/progress/vertex.h"

/* what is known between two events.
 *
 *   progress_rawjson.c  bytes ──► objects ──► their members
 *   rawjson_vertex.c    vertexes and statuses ──► steps
 *   rawjson_output.c    logs and warnings
 *   rawjson_say.c       the lines for people, as plain progress would print them */

struct rawjson {
    struct build *build;
    struct vertices vertices;
    struct objects streams[2];
    void *plain; /* for what is no event */
    int stream;  /* of the bytes just now */
    int64_t now_mono_ms;
    bool events; /* some have come */
};

static void rawjson_read_vertex(struct rawjson *progress, const cJSON *item);
static void rawjson_read_status(struct rawjson *progress, const cJSON *item);
static void rawjson_read_log(struct rawjson *progress, const cJSON *item);
static void rawjson_read_warning(struct rawjson *progress, const cJSON *item);
static void rawjson_pass_on(void *progress, const char *text, size_t len);
static void rawjson_on_output(void *progress, struct vertex_group *group, int stream,
                              const char *line, size_t len);
static void rawjson_say(struct rawjson *progress, int step, enum log_kind kind, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));
static void rawjson_say_status(struct rawjson *progress, int step, const char *id, int64_t current,
                               int64_t total, double seconds);
static void rawjson_one_line(char *text, size_t len);

#define OBJECT_MAX_BYTES (16 * 1024 * 1024)

/* A number of bytes that sums can be made of. */
static int64_t rawjson_bytes(const cJSON *object, const char *name)
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

#define WHOLE_BUFFER 4096

/* The step of a vertex that has begun to move: numbered now, as plain progress
 * does it, for vertices are announced last instruction first. */
static struct step *step_of(struct rawjson *progress, struct vertex *vertex)
{
    struct build *build = progress->build;
    if (vertex->step > 0)
        return build_step(build, vertex->step);
    int last = build->steps_len > 0 ? build->steps[build->steps_len - 1].number : 0;
    struct step *step = build_step(build, last + 1);
    if (step == NULL)
        return NULL;
    vertex->step = step->number;
    build_name_step(build, step, vertex->name, strlen(vertex->name));
    if (buildlog_end(build->log) > 0)
        buildlog_add(build->log, &(struct buildlog_line){.text = "", .stream = 1});
    rawjson_say(progress, step->number, vertex->name[0] == '[' ? LOG_NAME : LOG_EVENT, "%s",
                vertex->name);
    return step;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

/* Output may come later than the end of what has printed it. After a small piece
 * a line without an end is the last one; after as much as a program's buffer
 * holds it was cut anywhere, and its rest is still on the way. */
static void end_step(struct rawjson *progress, struct step *step, struct vertex *vertex,
                     const char *error, bool cached)
{
    int64_t ms = vertex_duration(vertex) / 1000000;
    enum step_state state = STEP_DONE;
    if (vertex->group->piece_bytes < WHOLE_BUFFER)
        vertices_flush(&progress->vertices, vertex->group);
    if (error != NULL && ends_with(error, "context canceled")) {
        state = STEP_CANCELLED;
        rawjson_say(progress, step->number, LOG_STATE, "CANCELED");
    } else if (error != NULL) {
        state = STEP_FAILED;
        free(step->error);
        step->error = mem_strndup(error, strnlen(error, STEP_TEXT_MAX));
        rawjson_one_line(step->error, strlen(step->error));
        rawjson_say(progress, step->number, LOG_ERROR, "ERROR: %s", error);
    } else if (cached) {
        state = STEP_CACHED;
        rawjson_say(progress, step->number, LOG_STATE, "CACHED");
    } else {
        rawjson_say(progress, step->number, LOG_STATE, "DONE %d.%ds", (int)(ms / 1000),
                    (int)(ms % 1000 / 100));
    }
    step_end(step, state, state == STEP_CACHED ? 0 : ms, progress->now_mono_ms);
}

/* Each reads one item of the list of its name. */
static void rawjson_read_vertex(struct rawjson *progress, const cJSON *item)
{
    const char *digest = json_string(item, "digest", NULL), *name = json_string(item, "name", NULL);
    int64_t started = json_time(item, "started"), completed = json_time(item, "completed");
    const char *error = json_string(item, "error", NULL);
    bool cached = json_bool(item, "cached");
    if (digest == NULL || name == NULL)
        return;
    struct vertex *vertex = vertices_put(&progress->vertices, digest, name);
    if (vertex == NULL)
        return;
    bool news = started == 0 || vertex_run(vertex, started, completed);
    if (error != NULL && *error == '\0')
        error = NULL;
    if (started == 0 && error == NULL)
        return;
    struct step *step = step_of(progress, vertex);
    if (step == NULL || (!news && (error == NULL || step->error != NULL)))
        return;
    if (started > 0 && (step->began_at == 0 || started < step->began_at))
        step->began_at = started;
    if (step->started_mono_ms == 0 || completed == 0)
        step_start(step, progress->now_mono_ms);
    if (error != NULL || !vertex_is_running(vertex))
        end_step(progress, step, vertex, error, cached);
}

/* The transfer that this step shows, begun, moved on or over. */
static void show_transfer(struct step *step, const char *id, int64_t current, int64_t total,
                          bool over)
{
    if (over)
        step_transfer_over(step, id, strlen(id), total > 0 ? total : current);
    else if (!step_is_over(step))
        step_transfer(step, id, strlen(id), current, total);
}

static void rawjson_read_status(struct rawjson *progress, const cJSON *item)
{
    const char *id = json_string(item, "id", NULL), *digest = json_string(item, "vertex", NULL);
    struct vertex_group *group = digest != NULL ? vertices_find(&progress->vertices, digest) : NULL;
    struct vertex *moved = group != NULL ? vertex_group_moved(group) : NULL;
    int64_t current = rawjson_bytes(item, "current"), total = rawjson_bytes(item, "total");
    int64_t started = json_time(item, "started"), completed = json_time(item, "completed");
    if (id == NULL || moved == NULL)
        return;
    for (struct vertex *vertex = moved; vertex != NULL; vertex = vertex->next)
        if (vertex->step > 0)
            show_transfer(build_step(progress->build, vertex->step), id, current, total,
                          completed > 0);
    if (completed > 0 && vertex_group_note(group, id))
        rawjson_say_status(progress, moved->step, id, current, total,
                           started > 0 ? (double)(completed - started) / 1e9 : 0);
}

/* As exact as BuildKit's own progress shows it. */
static void set_time(struct buildlog_line *line, int64_t nanoseconds)
{
    static const int64_t units[] = {0, 100000000, 10000000, 1000000};
    int64_t seconds = nanoseconds / 1000000000;
    line->decimals = seconds < 10 ? 3 : seconds < 100 ? 2 : 1;
    int64_t time = (nanoseconds + units[line->decimals] / 2) / units[line->decimals];
    line->time = time < UINT32_MAX ? (uint32_t)time : UINT32_MAX;
}

/* For vertices_init(): a line of output is complete. */
static void rawjson_on_output(void *arg, struct vertex_group *group, int stream, const char *line,
                              size_t len)
{
    struct rawjson *progress = arg;
    struct build *build = progress->build;
    bool clip = reason_is_clip(line, len);
    int number = 0;
    for (struct vertex *vertex = group->first; vertex != NULL; vertex = vertex->next) {
        struct step *step = vertex->step > 0 ? build_step(build, vertex->step) : NULL;
        if (step == NULL)
            continue;
        number = number == 0 ? step->number : number;
        step->last_line = buildlog_end(build->log) + 1;
        step->clipped = step->clipped || clip;
    }
    struct buildlog_line said = {
        .text = line,
        .len = len,
        .step = number,
        .number = number,
        .stream = stream,
        .kind = clip ? LOG_CLIPPED : LOG_OUTPUT,
    };
    set_time(&said, group->output_at);
    buildlog_add(build->log, &said);
}

/* Output of a step that is not known: kept as it is. */
static void add_nobodys(struct rawjson *progress, int stream, const char *text, size_t len)
{
    for (const char *end = text + len; text <= end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;
        buildlog_add(progress->build->log, &(struct buildlog_line){.text = text,
                                                                   .len = (size_t)(stop - text),
                                                                   .stream = stream,
                                                                   .kind = LOG_OUTPUT});
        text = stop + 1;
    }
}

/* Text that is no event goes through the plain parser. */
static void rawjson_pass_on(void *arg, const char *text, size_t len)
{
    struct rawjson *progress = arg;
    progress_plain.feed(progress->plain, progress->stream, text, len, progress->now_mono_ms);
}

static void rawjson_read_log(struct rawjson *progress, const cJSON *item)
{
    const char *digest = json_string(item, "vertex", NULL), *data = json_string(item, "data", NULL);
    struct vertex_group *group = digest != NULL ? vertices_find(&progress->vertices, digest) : NULL;
    struct vertex *moved = group != NULL ? vertex_group_moved(group) : NULL;
    const cJSON *stream = json_get(item, "stream");
    int number = cJSON_IsNumber(stream) && stream->valuedouble == 2 ? 2 : 1;
    int64_t at = json_time(item, "timestamp");
    struct buf text = {0};
    if (data == NULL || !base64_decode(data, &text)) {
        buf_done(&text);
        return;
    }
    if (moved == NULL) {
        buf_append(&text, "", 0);
        add_nobodys(progress, number, text.data, text.len);
    } else {
        int64_t started = moved->runs_len > 0 ? moved->runs[moved->runs_len - 1].started : at;
        group->output_at = at > started ? at - started : 0;
        group->piece_bytes = text.len;
        vertices_output(&progress->vertices, group, number, text.data, text.len);
    }
    buf_done(&text);
}

/* "range":[{"start":{"line":3,…},…}] */
static int warning_line(const cJSON *item)
{
    const cJSON *range = cJSON_GetArrayItem(json_get(item, "range"), 0);
    int64_t line = rawjson_bytes(json_get(range, "start"), "line");
    return line < 1000000 ? (int)line : 0;
}

static void rawjson_read_warning(struct rawjson *progress, const cJSON *item)
{
    const char *digest = json_string(item, "vertex", NULL),
               *data = json_string(item, "short", NULL);
    struct vertex_group *group = digest != NULL ? vertices_find(&progress->vertices, digest) : NULL;
    struct vertex *moved = group != NULL ? vertex_group_moved(group) : NULL;
    const cJSON *source = json_get(item, "sourceInfo");
    struct buf text = {0};
    if (moved != NULL && data != NULL && base64_decode(data, &text)) {
        rawjson_say(progress, moved->step, LOG_WARNING, "WARN: %s", text.data);
        build_add_warning(progress->build, moved->step, text.data, text.len,
                          json_string(item, "url", NULL), json_string(source, "filename", NULL),
                          warning_line(item));
    }
    buf_done(&text);
}

/* Newlines become blanks. */
static void rawjson_one_line(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n')
            text[i] = ' ';
}

/* An event into the log, as one line. */
static void rawjson_say(struct rawjson *progress, int step, enum log_kind kind, const char *format,
                        ...)
{
    char text[STEP_TEXT_MAX + 256];
    struct buildlog_line line = {
        .text = text, .step = step, .number = step, .stream = 1, .kind = kind};
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line.len = len > 0 ? (size_t)len : 0;
    if (line.len >= sizeof text)
        line.len = sizeof text - 1;
    rawjson_one_line(text, line.len);
    buildlog_add(progress->build->log, &line);
}

/* "1.05MB", as the engine's own progress rounds. */
static const char *short_size(char out[24], int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1000 && unit < 4; unit++)
        amount /= 1000;
    snprintf(out, 24, unit == 0 ? "%.0f%s" : "%.2f%s", amount, units[unit]);
    return out;
}

/* "#5 sha256:… 1.05MB / 2MB 0.3s done" */
static void rawjson_say_status(struct rawjson *progress, int step, const char *id, int64_t current,
                               int64_t total, double seconds)
{
    char bytes[64] = "", took[32] = "", a[24], b[24];
    if (total > 0)
        snprintf(bytes, sizeof bytes, " %s / %s", short_size(a, current), short_size(b, total));
    else if (current > 0)
        snprintf(bytes, sizeof bytes, " %s", short_size(a, current));
    if (seconds > 0.01)
        snprintf(took, sizeof took, " %.1fs", seconds);
    rawjson_say(progress, step, LOG_EVENT, "%.1000s%s%s done", id, bytes, took);
}
