#include "cli/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/base/escape.h"
#include "core/base/text.h"

#define LINE_MAX_BYTES (1024 * 1024)

void stream_init(struct stream *stream, int fd, bool colors)
{
    *stream = (struct stream){.fd = fd, .colors = colors};
    lines_init(&stream->lines, LINE_MAX_BYTES);
}

void stream_done(struct stream *stream)
{
    lines_done(&stream->lines);
    buf_done(&stream->clean);
}

static void write_out(struct stream *stream)
{
    const char *data = stream->clean.data;
    size_t len = stream->clean.len;
    while (len > 0 && stream->code == 0) {
        ssize_t written = write(stream->fd, data, len);
        if (written >= 0) {
            data += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) { /* somebody made our file non-blocking */
            struct pollfd wait = {.fd = stream->fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            stream->code = -errno;
        }
    }
    buf_clear(&stream->clean);
}

/* ---------------------------------------------------------------- clean */

/* Tabs are harmless here, and cleaning would make blanks of them. */
static void clean_text(struct buf *buf, const char *text, size_t len)
{
    for (;;) {
        const char *tab = memchr(text, '\t', len);
        size_t part = tab != NULL ? (size_t)(tab - text) : len;
        text_clean(buf, text, part);
        if (tab == NULL)
            return;
        buf_append(buf, "\t", 1);
        text += part + 1;
        len -= part + 1;
    }
}

void stream_clean_line(struct buf *buf, const char *line, size_t len, bool colors)
{
    bool colored = false;
    for (size_t i = 0; i < len;) {
        const char *escape = memchr(line + i, '\033', len - i);
        size_t plain = escape != NULL ? (size_t)(escape - line) - i : len - i;
        clean_text(buf, line + i, plain);
        i += plain;
        if (i == len)
            break;
        struct escape_colour colour;
        size_t used = escape_length(line + i, len - i, &colour);
        if (used == 0)
            text_clean(buf, line + i, 1);
        if (colour.numbers != NULL && colors) {
            buf_printf(buf, "\033[%.*sm", (int)colour.len, colour.numbers);
            colored = true;
        }
        i += used > 0 ? used : 1;
    }
    buf_append_str(buf, colored ? "\033[0m" : "");
}

/* What a carriage return would overwrite gets a line of its own. */
static void clean_line(void *arg, const char *line, size_t len)
{
    struct stream *stream = arg;
    while (len > 0 && line[len - 1] == '\r')
        len--;
    for (;;) {
        const char *back = memchr(line, '\r', len);
        size_t part = back != NULL ? (size_t)(back - line) : len;
        if (part > 0 || back == NULL) {
            stream_clean_line(&stream->clean, line, part, stream->colors);
            buf_append_str(&stream->clean, "\n");
        }
        if (back == NULL)
            break;
        line += part + 1;
        len -= part + 1;
    }
}

void stream_write(struct stream *stream, const char *data, size_t len)
{
    lines_feed(&stream->lines, data, len, clean_line, stream);
    write_out(stream);
}

void stream_end(struct stream *stream)
{
    lines_end(&stream->lines, clean_line, stream);
    write_out(stream);
}
