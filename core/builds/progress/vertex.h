/* The vertices that rawjson progress tells of, and what must be remembered of
 * each between two events. */
#ifndef BILGE_BUILDS_PROGRESS_VERTEX_H
#define BILGE_BUILDS_PROGRESS_VERTEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/hashtable.h"
#include "core/base/lines.h"

#define VERTEX_RUNS_MAX 16

struct vertex_group;

/* One digest under one name. */
struct vertex {
    char *name;
    struct vertex_group *group;
    struct vertex *next; /* the same digest under another name */
    int step;            /* the number of its step; 0: has not moved yet */
    struct vertex_run {
        int64_t started, completed; /* completed 0: runs */
    } runs[VERTEX_RUNS_MAX];
    size_t runs_len;
};

/* One digest: status and output belong to all who share it. */
struct vertex_group {
    char *digest;
    struct vertex *first;
    struct lines output[2]; /* stdout, stderr: lines come in pieces */
    int64_t output_at;      /* of the last piece, nanoseconds since the start */
    size_t piece_bytes;     /* of the last piece */
    uint64_t *notes;        /* hashes of what vertex_group_note() has seen */
    size_t notes_len, notes_cap;
    UT_hash_handle hh;
};

/* A whole line of output. */
typedef void vertex_line_cb(void *arg, struct vertex_group *group, int stream, const char *line,
                            size_t len);

struct vertices {
    struct vertex_group *groups;
    size_t count;
    vertex_line_cb *on_line;
    void *arg;
};

void vertices_init(struct vertices *vertices, vertex_line_cb *on_line, void *arg);
void vertices_done(struct vertices *vertices);

/* Finds or makes; NULL past the cap. The pointers stay valid. */
struct vertex *vertices_put(struct vertices *vertices, const char *digest, const char *name);
struct vertex_group *vertices_find(struct vertices *vertices, const char *digest);

/* Bytes of output; calls on_line for each line that is whole now. */
void vertices_output(struct vertices *vertices, struct vertex_group *group, int stream,
                     const char *data, size_t len);
/* What stands after the last newline, as a line. */
void vertices_flush(struct vertices *vertices, struct vertex_group *group);
void vertices_flush_all(struct vertices *vertices);

/* A run, or news of one: told by its start. False when that was known. */
bool vertex_run(struct vertex *vertex, int64_t started, int64_t completed);
bool vertex_is_running(const struct vertex *vertex);
/* Nanoseconds in which at least one of its runs was under way. */
int64_t vertex_duration(const struct vertex *vertex);

/* The first one that has a step; NULL: none has moved yet. */
struct vertex *vertex_group_moved(const struct vertex_group *group);
/* False when this text was noted before. */
bool vertex_group_note(struct vertex_group *group, const char *text);

#endif
