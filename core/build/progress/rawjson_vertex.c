#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/progress/rawjson.h"

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
        buildlog_add(build->log, 0, 1, "", 0);
    rawjson_say(progress, step->number, "%s", vertex->name);
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
        rawjson_say(progress, step->number, "CANCELED");
    } else if (error != NULL) {
        state = STEP_FAILED;
        free(step->error);
        step->error = mem_strndup(error, strnlen(error, STEP_TEXT_MAX));
        rawjson_one_line(step->error, strlen(step->error));
        rawjson_say(progress, step->number, "ERROR: %s", error);
    } else if (cached) {
        state = STEP_CACHED;
        rawjson_say(progress, step->number, "CACHED");
    } else {
        rawjson_say(progress, step->number, "DONE %d.%ds", (int)(ms / 1000),
                    (int)(ms % 1000 / 100));
    }
    step_end(step, state, state == STEP_CACHED ? 0 : ms, progress->now_mono_ms);
}

void rawjson_read_vertex(struct rawjson *progress, const cJSON *item)
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

void rawjson_read_status(struct rawjson *progress, const cJSON *item)
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
