/* Private to the reading of rawjson progress: what is known between two events.
 *
 *   progress_rawjson.c  bytes ──► objects ──► their members
 *   rawjson_vertex.c    vertexes and statuses ──► steps
 *   rawjson_output.c    logs and warnings
 *   rawjson_say.c       the lines for people, as plain progress would print them */
#ifndef BILGE_BUILD_PROGRESS_RAWJSON_H
#define BILGE_BUILD_PROGRESS_RAWJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/build/build.h"
#include "core/build/progress/objects.h"
#include "core/build/progress/vertex.h"

struct rawjson {
    struct build *build;
    struct vertices vertices;
    struct objects streams[2];
    void *plain; /* for what is no event */
    int stream;  /* of the bytes just now */
    int64_t now_mono_ms;
    bool events; /* some have come */
};

/* A number of bytes that sums can be made of. */
int64_t rawjson_bytes(const cJSON *object, const char *name);

/* Each reads one item of the list of its name. */
void rawjson_read_vertex(struct rawjson *progress, const cJSON *item);
void rawjson_read_status(struct rawjson *progress, const cJSON *item);
void rawjson_read_log(struct rawjson *progress, const cJSON *item);
void rawjson_read_warning(struct rawjson *progress, const cJSON *item);

/* Text that is no event goes through the plain parser. */
void rawjson_pass_on(void *progress, const char *text, size_t len);
/* For vertices_init(): a line of output is complete. */
void rawjson_on_output(void *progress, struct vertex_group *group, int stream, const char *line,
                       size_t len);

/* "#5 …" into the log, as one line. */
void rawjson_say(struct rawjson *progress, int step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "#5 sha256:… 1.05MB / 2MB 0.3s done" */
void rawjson_say_status(struct rawjson *progress, int step, const char *id, int64_t current,
                        int64_t total, double seconds);
/* Newlines become blanks. */
void rawjson_one_line(char *text, size_t len);

#endif
