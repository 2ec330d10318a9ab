/* The live output of a build on its way out, line by line and made safe: of
 * escape sequences only colours (SGR) are understood, and re-made. In a file or
 * a pipe, too, for at its other end is a terminal sooner or later: `bilge build
 * | cat`, `less -R build.log`. */
#ifndef BILGE_CLI_STREAM_H
#define BILGE_CLI_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/lines.h"
#include "core/base/mem.h"

struct stream {
    int fd;
    bool colors;
    struct lines lines;
    struct buf clean; /* lines that are not written yet */
    int code;         /* 0, or why writing has failed: then all further output is dropped */
};

/* `fd` is borrowed. */
void stream_init(struct stream *stream, int fd, bool colors);
void stream_write(struct stream *stream, const char *data, size_t len);
/* Writes what stands after the last newline. */
void stream_end(struct stream *stream);
void stream_done(struct stream *stream);

/* Appends one line (no newline in it), safe for a terminal; tabs stay. */
void stream_clean_line(struct buf *buf, const char *line, size_t len, bool colors);

#endif
