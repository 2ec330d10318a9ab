/* The two streams of a tool, cut into lines: what the parsers of text share. */
#ifndef BILGE_BUILDS_PROGRESS_STREAMS_H
#define BILGE_BUILDS_PROGRESS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/lines.h"

/* A line of one stream, 1 stdout or 2 stderr; of a very long one a piece:
 * `continues` when another was before it. Whatever such a piece looks like, it
 * is the middle of a line. */
typedef void streams_cb(void *arg, int stream, const char *line, size_t len, bool continues);

struct streams {
    struct lines lines[2];
    streams_cb *on_line;
    void *arg;
};

/* Longer lines are cut in pieces; 15 kB were seen. */
#define STREAMS_LINE_MAX_BYTES (64 * 1024)

void streams_init(struct streams *streams, streams_cb *on_line, void *arg);
void streams_done(struct streams *streams);
void streams_feed(struct streams *streams, int stream, const char *data, size_t len);
/* Both have ended: a last line without a newline counts, too. */
void streams_end(struct streams *streams);
/* Has the stream no line begun? */
static inline bool streams_at_start(const struct streams *streams, int stream)
{
    const struct lines *lines = &streams->lines[stream == 2];
    return lines->partial.len == 0 && !lines->continues;
}

#endif
