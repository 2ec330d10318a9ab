/* Cuts a byte stream into lines, whatever the chunks are. */
#ifndef BILGE_BASE_LINES_H
#define BILGE_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"

/* One line without its "\n" (a "\r" before it stays). Not NUL-terminated;
 * valid during the call only. */
typedef void lines_cb(void *arg, const char *line, size_t len);

struct lines {
    struct buf partial; /* what came since the last newline */
    size_t max;         /* longer lines are cut into pieces of this many bytes */
    bool continues;     /* what the callback gets goes on the piece before */
};

void lines_init(struct lines *lines, size_t max);
void lines_done(struct lines *lines);

/* A line that lies within one chunk is handed on without being copied. */
void lines_feed(struct lines *lines, const char *data, size_t len, lines_cb *cb, void *arg);
/* The stream has ended: hands on what stands after the last newline, if any. */
void lines_end(struct lines *lines, lines_cb *cb, void *arg);

#endif
