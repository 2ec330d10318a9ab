#include "core/history/engine_builds.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/builds/build.h"

#define ROWS_MAX 1000
/* Between bilge's start of the tool and the engine's record of the build, and
 * between their ends. */
#define SLACK (INT64_C(2) * 1000000000)

static size_t count_of(const cJSON *object, const char *name)
{
    int64_t count = json_count(object, name);
    return count < 1000000 ? (size_t)count : 0;
}

static enum build_state state_of(const char *status)
{
    if (strcasecmp(status, "Completed") == 0)
        return BUILD_DONE;
    if (strcasecmp(status, "Running") == 0)
        return BUILD_RUNNING;
    return strcasecmp(status, "Canceled") == 0 ? BUILD_CANCELLED : BUILD_FAILED;
}

static bool read_row(const char *line, size_t len, struct history_build *ret_build)
{
    cJSON *object = cJSON_ParseWithLength(line, len);
    const char *ref = json_string(object, "ref", NULL), *name = json_string(object, "name", NULL);
    const char *status = json_string(object, "status", NULL);
    int64_t started = json_time(object, "created_at"), ended = json_time(object, "completed_at");
    bool known = ref != NULL && name != NULL && status != NULL && started > 0;
    if (known)
        *ret_build = (struct history_build){
            .ref = mem_strdup(ref),
            .service = mem_strdup(name),
            .state = (int)state_of(status),
            .exit_status = -1,
            .started_at = started,
            .duration_ms = ended > started ? (ended - started) / 1000000 : 0,
            .added_bytes = -1,
            .told_steps = count_of(object, "completed_steps"),
            .told_cached = count_of(object, "cached_steps"),
        };
    cJSON_Delete(object);
    return known;
}

struct history_build *engine_builds_parse(const char *text, size_t len, size_t *ret_len)
{
    struct history_build *builds = NULL;
    size_t builds_len = 0, cap = 0;
    while (len > 0 && builds_len < ROWS_MAX) {
        const char *newline = memchr(text, '\n', len);
        size_t line = newline != NULL ? (size_t)(newline - text) : len;
        mem_reserve((void **)&builds, &cap, builds_len + 1, sizeof *builds);
        if (line > 0 && *text == '{' && read_row(text, line, &builds[builds_len]))
            builds_len++;
        line += newline != NULL;
        text += line;
        len -= line;
    }
    *ret_len = builds_len;
    return builds;
}

/* ------------------------------------------------------------------ merging */

/* The engine's record of a build is there for one without a name of its own
 * (all services), or one that is not yet matched; it began and ended while that
 * ran. The traditional way leaves no record. */
static bool may_be(const struct history_build *own, bool taken, const struct history_build *other)
{
    int64_t end = own->started_at + own->duration_ms * 1000000;
    int64_t other_end = other->started_at + other->duration_ms * 1000000;
    bool traditional = own->tools != NULL && strstr(own->tools, "traditional") != NULL;
    return !traditional && (!taken || own->service[0] == '\0') &&
           other->started_at >= own->started_at - SLACK && other_end <= end + SLACK;
}

/* Marks those of the others that are an own build. Names come first: a record
 * is called after the target, the Dockerfile or the directory. */
static void match(const struct history_build *own, size_t own_len,
                  const struct history_build *others, size_t len, bool by_name, bool *taken,
                  bool *known)
{
    for (size_t i = 0; i < len; i++)
        for (size_t j = 0; j < own_len && !known[i]; j++) {
            if (by_name && strcmp(own[j].service, others[i].service) != 0)
                continue;
            known[i] = may_be(&own[j], taken[j], &others[i]);
            taken[j] |= known[i];
        }
}

size_t engine_builds_drop_known(const struct history_build *own, size_t own_len,
                                struct history_build *others, size_t others_len)
{
    bool *taken = mem_zalloc(own_len + 1), *known = mem_zalloc(others_len + 1);
    size_t kept = 0;
    match(own, own_len, others, others_len, true, taken, known);
    match(own, own_len, others, others_len, false, taken, known);
    for (size_t i = 0; i < others_len; i++) {
        if (known[i])
            history_build_done(&others[i]);
        else
            others[kept++] = others[i];
    }
    free(taken);
    free(known);
    return kept;
}

static int by_start(const void *a, const void *b)
{
    const struct history_build *x = a, *y = b;
    int order = (x->started_at < y->started_at) - (x->started_at > y->started_at);
    return order != 0 ? order : (x->id < y->id) - (x->id > y->id);
}

struct history_build *engine_builds_merge(struct history_build *own, size_t own_len,
                                          struct history_build *others, size_t others_len,
                                          size_t limit, size_t *ret_len)
{
    struct history_build *merged = mem_zalloc((own_len + others_len + 1) * sizeof *merged);
    others_len = engine_builds_drop_known(own, own_len, others, others_len);
    size_t len = own_len + others_len;
    if (own_len > 0)
        memcpy(merged, own, own_len * sizeof *own);
    if (others_len > 0)
        memcpy(merged + own_len, others, others_len * sizeof *others);
    qsort(merged, len, sizeof *merged, by_start);
    while (len > limit)
        history_build_done(&merged[--len]);
    free(own);
    free(others);
    *ret_len = len;
    return merged;
}
