#include "core/builds/progress/vertex.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/builds/build.h"

#define LINE_MAX_BYTES (64 * 1024)
#define DIGEST_MAX 256
#define NOTES_MAX 10000

struct line_target {
    struct vertices *vertices;
    struct vertex_group *group;
    int stream;
};

void vertices_init(struct vertices *vertices, vertex_line_cb *on_line, void *arg)
{
    *vertices = (struct vertices){.on_line = on_line, .arg = arg};
}

static void group_free(struct vertex_group *group)
{
    while (group->first != NULL) {
        struct vertex *vertex = group->first;
        group->first = vertex->next;
        free(vertex->name);
        free(vertex);
    }
    lines_done(&group->output[0]);
    lines_done(&group->output[1]);
    free(group->notes);
    free(group->digest);
    free(group);
}

void vertices_done(struct vertices *vertices)
{
    struct vertex_group *group, *next;
    HASH_ITER(hh, vertices->groups, group, next)
    {
        HASH_DEL(vertices->groups, group);
        group_free(group);
    }
}

struct vertex_group *vertices_find(struct vertices *vertices, const char *digest)
{
    struct vertex_group *group;
    HASH_FIND_STR(vertices->groups, digest, group);
    return group;
}

static struct vertex_group *put_group(struct vertices *vertices, const char *digest)
{
    struct vertex_group *group = vertices_find(vertices, digest);
    if (group != NULL || strlen(digest) > DIGEST_MAX)
        return group;
    group = mem_zalloc(sizeof *group);
    group->digest = mem_strdup(digest);
    lines_init(&group->output[0], LINE_MAX_BYTES);
    lines_init(&group->output[1], LINE_MAX_BYTES);
    HASH_ADD_KEYPTR(hh, vertices->groups, group->digest, strlen(group->digest), group);
    return group;
}

struct vertex *vertices_put(struct vertices *vertices, const char *digest, const char *name)
{
    bool full = vertices->count >= BUILD_STEPS_MAX;
    struct vertex_group *group =
        full ? vertices_find(vertices, digest) : put_group(vertices, digest);
    if (group == NULL)
        return NULL;
    struct vertex **slot = &group->first;
    while (*slot != NULL && strncmp((*slot)->name, name, STEP_TEXT_MAX) != 0)
        slot = &(*slot)->next;
    if (*slot != NULL || full)
        return *slot;
    *slot = mem_zalloc(sizeof **slot);
    (*slot)->name = mem_strndup(name, strnlen(name, STEP_TEXT_MAX));
    (*slot)->group = group;
    vertices->count++;
    return *slot;
}

/* -------------------------------------------------------------------- output */

static void on_line(void *arg, const char *line, size_t len)
{
    const struct line_target *target = arg;
    target->vertices->on_line(target->vertices->arg, target->group, target->stream, line, len);
}

void vertices_output(struct vertices *vertices, struct vertex_group *group, int stream,
                     const char *data, size_t len)
{
    struct line_target target = {vertices, group, stream};
    lines_feed(&group->output[stream == 2], data, len, on_line, &target);
}

void vertices_flush(struct vertices *vertices, struct vertex_group *group)
{
    for (int i = 0; i < 2; i++) {
        struct line_target target = {vertices, group, i + 1};
        lines_end(&group->output[i], on_line, &target);
    }
}

void vertices_flush_all(struct vertices *vertices)
{
    struct vertex_group *group, *next;
    HASH_ITER(hh, vertices->groups, group, next) vertices_flush(vertices, group);
}

/* ---------------------------------------------------------------------- runs */

bool vertex_run(struct vertex *vertex, int64_t started, int64_t completed)
{
    size_t i = 0;
    while (i < vertex->runs_len && vertex->runs[i].started != started)
        i++;
    if (i == VERTEX_RUNS_MAX) { /* many more than any real one: the last two become one */
        i--;
        started = vertex->runs[i].started;
    }
    if (i == vertex->runs_len)
        vertex->runs[vertex->runs_len++] = (struct vertex_run){.started = started};
    else if (completed == 0 || vertex->runs[i].completed == completed)
        return false;
    vertex->runs[i].completed = completed;
    return true;
}

bool vertex_is_running(const struct vertex *vertex)
{
    for (size_t i = 0; i < vertex->runs_len; i++)
        if (vertex->runs[i].completed == 0)
            return true;
    return false;
}

static int by_start(const void *a, const void *b)
{
    const struct vertex_run *left = a, *right = b;
    return (left->started > right->started) - (left->started < right->started);
}

int64_t vertex_duration(const struct vertex *vertex)
{
    struct vertex_run runs[VERTEX_RUNS_MAX];
    int64_t covered = 0, total = 0;
    memcpy(runs, vertex->runs, sizeof runs);
    qsort(runs, vertex->runs_len, sizeof runs[0], by_start);
    for (size_t i = 0; i < vertex->runs_len; i++) {
        int64_t start = runs[i].started > covered ? runs[i].started : covered;
        if (runs[i].completed > start) {
            total += runs[i].completed - start;
            covered = runs[i].completed;
        }
    }
    return total;
}

/* --------------------------------------------------------------------- groups */

struct vertex *vertex_group_moved(const struct vertex_group *group)
{
    struct vertex *vertex = group->first;
    while (vertex != NULL && vertex->step == 0)
        vertex = vertex->next;
    return vertex;
}

bool vertex_group_note(struct vertex_group *group, const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    for (size_t i = 0; i < group->notes_len; i++)
        if (group->notes[i] == hash)
            return false;
    if (group->notes_len < NOTES_MAX) {
        mem_reserve((void **)&group->notes, &group->notes_cap, group->notes_len + 1,
                    sizeof *group->notes);
        group->notes[group->notes_len++] = hash;
    }
    return true;
}
