/* The live output of a build on its way out. To a file or a pipe it goes byte
 * by byte as it came. To a terminal it goes line by line and made safe: of
 * escape sequences only colours (SGR) are understood, and re-made. */
#ifndef BILGE_CLI_STREAM_H
#define BILGE_CLI_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/lines.h"
#include "core/base/mem.h"

struct stream {
    int fd;
    bool terminal;
    bool colors;
    struct lines lines;
    struct buf clean;
    int code; /* 0, or why writing has failed: then all further output is dropped */
};

/* `fd` is borrowed. */
void stream_init(struct stream *stream, int fd, bool colors);
void stream_write(struct stream *stream, const char *data, size_t len);
/* Writes what stands after the last newline. */
void stream_end(struct stream *stream);
void stream_done(struct stream *stream);

/* Appends one line (no newline in it), safe for a terminal. */
void stream_clean_line(struct buf *buf, const char *line, size_t len, bool colors);

#endif
