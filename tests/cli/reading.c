/* What the engine itself says of a build, read without any of bilge's code:
 * the events of BUILDKIT_PROGRESS=rawjson on stdin, one or many lines each,
 * with other lines between. Prints one line for each vertex that began:
 *
 *     state<TAB>milliseconds<TAB>name
 *
 * A vertex is told anew whenever it changes: the last word counts, and its
 * time is that in which any of its runs, each known by its start, was under way
 * (buildkit's util/progress/progressui says it so, too). */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cJSON.h>

#define VERTICES_MAX 1000
#define RUNS_MAX 16

struct vertex {
    char *digest, *name, *error;
    bool cached, over;
    int64_t starts[RUNS_MAX], ends[RUNS_MAX];
    size_t runs;
};
static struct vertex vertices[VERTICES_MAX];
static size_t vertices_len;

static const char *text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* "2026-11-22T07:44:04.043490277Z" in nanoseconds. */
static int64_t parse_time(const char *word)
{
    struct tm tm = {0};
    const char *rest = strptime(word, "%Y-%m-%dT%H:%M:%S", &tm);
    int64_t nanoseconds = 0, scale = 100000000;
    if (rest == NULL)
        abort();
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
            nanoseconds += (*rest - '0') * scale;
    if (strcmp(rest, "Z") != 0)
        abort();
    return (int64_t)timegm(&tm) * 1000000000 + nanoseconds;
}

static struct vertex *vertex_of(const char *digest, const char *name)
{
    for (size_t i = 0; i < vertices_len; i++)
        if (strcmp(vertices[i].digest, digest) == 0 && strcmp(vertices[i].name, name) == 0)
            return &vertices[i];
    if (vertices_len == VERTICES_MAX)
        abort();
    vertices[vertices_len] = (struct vertex){.digest = strdup(digest), .name = strdup(name)};
    return &vertices[vertices_len++];
}

static void read_vertex(const cJSON *item)
{
    const char *started = text(item, "started"), *completed = text(item, "completed");
    struct vertex *vertex = vertex_of(text(item, "digest"), text(item, "name"));
    const char *error = text(item, "error");
    size_t run = 0;
    int64_t start = started != NULL ? parse_time(started) : 0;
    vertex->cached |= cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "cached"));
    /* Each event tells all of a vertex: one that was called off for one asker may
     * be found in the cache for the next. */
    free(vertex->error);
    vertex->error = error != NULL && *error != '\0' ? strdup(error) : NULL;
    if (started == NULL)
        return;
    while (run < vertex->runs && vertex->starts[run] != start)
        run++;
    if (run == RUNS_MAX)
        abort();
    if (run == vertex->runs)
        vertex->starts[vertex->runs++] = start;
    vertex->over = completed != NULL;
    if (completed != NULL)
        vertex->ends[run] = parse_time(completed);
}

/* Goes from start to start of those instants in which a run begins: between two
 * of them lies work as far as the longest run that has begun reaches. */
static int64_t took(const struct vertex *vertex)
{
    int64_t sum = 0, from = 0, reach = 0;
    for (size_t round = 0; round < vertex->runs; round++) {
        size_t next = RUNS_MAX;
        for (size_t i = 0; i < vertex->runs; i++)
            if (vertex->starts[i] > from &&
                (next == RUNS_MAX || vertex->starts[i] < vertex->starts[next]))
                next = i;
        if (next == RUNS_MAX)
            break;
        from = vertex->starts[next];
        if (vertex->ends[next] > reach) {
            sum += vertex->ends[next] - (from > reach ? from : reach);
            reach = vertex->ends[next];
        }
    }
    return sum;
}

static const char *state_of(const struct vertex *vertex)
{
    static const char called_off[] = "context canceled";
    size_t len = vertex->error != NULL ? strlen(vertex->error) : 0;
    if (len >= sizeof called_off - 1 &&
        strcmp(vertex->error + len - (sizeof called_off - 1), called_off) == 0)
        return "cancelled";
    if (vertex->error != NULL)
        return "failed";
    return !vertex->over ? "unfinished" : vertex->cached ? "cached" : "done";
}

static void print(const struct vertex *vertex)
{
    bool cached = strcmp(state_of(vertex), "cached") == 0;
    if (vertex->runs > 0 || vertex->error != NULL)
        printf("%s\t%lld\t%s\n", state_of(vertex), cached ? 0 : (long long)took(vertex) / 1000000,
               vertex->name);
}

int main(void)
{
    static char input[32 << 20];
    size_t len = fread(input, 1, sizeof input - 1, stdin);
    for (const char *at = input; at < input + len;) {
        const char *end = NULL;
        cJSON *object = *at == '{' ? cJSON_ParseWithOpts(at, &end, false) : NULL;
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "vertexes"))
            read_vertex(item);
        at = object != NULL ? end : at + strcspn(at, "\n");
        at += strspn(at, "\r\n");
        cJSON_Delete(object);
    }
    for (size_t i = 0; i < vertices_len; i++)
        print(&vertices[i]);
    return 0;
}
