#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/progress/base64.h"
#include "core/build/progress/progress.h"
#include "core/build/progress/rawjson.h"
#include "core/build/progress/remarks.h"

void rawjson_on_output(void *arg, struct vertex_group *group, int stream, const char *line,
                       size_t len)
{
    struct rawjson *progress = arg;
    struct build *build = progress->build;
    double seconds = (double)group->output_at / 1e9;
    char prefix[48];
    struct buf text = {0};
    int number = 0;
    for (struct vertex *vertex = group->first; vertex != NULL; vertex = vertex->next) {
        struct step *step = vertex->step > 0 ? build_step(build, vertex->step) : NULL;
        if (step == NULL)
            continue;
        number = number == 0 ? step->number : number;
        step->last_line = buildlog_end(build->log) + 1;
        if (len > 17 && memmem(line, len, "[output clipped, ", 17) != NULL)
            step->clipped = true;
    }
    snprintf(prefix, sizeof prefix, "#%d %.*f ", number,
             seconds < 10    ? 3
             : seconds < 100 ? 2
                             : 1,
             seconds);
    buf_append_str(&text, prefix);
    buf_append(&text, line, len);
    buildlog_add(build->log, number, stream, text.data, text.len);
    buf_done(&text);
}

void rawjson_pass_on(void *arg, const char *text, size_t len)
{
    struct rawjson *progress = arg;
    progress_plain.feed(progress->plain, progress->stream, text, len, progress->now_mono_ms);
}

void rawjson_read_log(struct rawjson *progress, const cJSON *item)
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
    if (moved == NULL) { /* nobody's: kept as it is */
        buf_append(&text, "\n", 1);
        rawjson_pass_on(progress, text.data, text.len);
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

void rawjson_read_warning(struct rawjson *progress, const cJSON *item)
{
    const char *digest = json_string(item, "vertex", NULL),
               *data = json_string(item, "short", NULL);
    struct vertex_group *group = digest != NULL ? vertices_find(&progress->vertices, digest) : NULL;
    struct vertex *moved = group != NULL ? vertex_group_moved(group) : NULL;
    const cJSON *source = json_get(item, "sourceInfo");
    struct buf text = {0};
    if (moved != NULL && data != NULL && base64_decode(data, &text)) {
        rawjson_say(progress, moved->step, "WARN: %s", text.data);
        build_add_warning(progress->build, moved->step, text.data, text.len,
                          json_string(item, "url", NULL), json_string(source, "filename", NULL),
                          warning_line(item));
    }
    buf_done(&text);
}
