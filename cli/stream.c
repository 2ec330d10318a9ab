#include "cli/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"

#define LINE_MAX_BYTES (64 * 1024)
#define ESC '\x1b'

void stream_init(struct stream *stream, int fd, bool colors)
{
    *stream = (struct stream){.fd = fd, .terminal = isatty(fd), .colors = colors};
    lines_init(&stream->lines, LINE_MAX_BYTES);
}

void stream_done(struct stream *stream)
{
    lines_done(&stream->lines);
    buf_done(&stream->clean);
}

static void write_all(struct stream *stream, const char *data, size_t len)
{
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
}

/* ---------------------------------------------------------------- clean */

/* The length of the escape sequence at text[0] == ESC (ECMA-48). A colour is
 * told apart by *ret_parameters: the length of its parameters, else -1. */
static size_t escape_length(const char *text, size_t len, int *ret_parameters)
{
    *ret_parameters = -1;
    if (len < 2)
        return len;
    if (text[1] == '[') {
        size_t end = 2;
        while (end < len && text[end] >= '0' && text[end] <= ';') /* digits, ':' and ';' */
            end++;
        size_t parameters = end - 2;
        while (end < len && text[end] >= 0x20 && text[end] < 0x40)
            end++;
        if (end < len && text[end] == 'm' && end == parameters + 2 && parameters < 64)
            *ret_parameters = (int)parameters;
        return end < len ? end + 1 : len;
    }
    if (strchr("]PX^_", text[1]) != NULL) { /* a string: up to BEL or ESC \ */
        for (size_t end = 2; end < len; end++) {
            if (text[end] == '\a')
                return end + 1;
            if (text[end] == ESC)
                return end + 1 < len ? end + 2 : len;
        }
        return len;
    }
    return 2;
}

void stream_clean_line(struct buf *buf, const char *line, size_t len, bool colors)
{
    bool colored = false;
    for (size_t i = 0; i < len;) {
        const char *escape = memchr(line + i, ESC, len - i);
        size_t plain = escape != NULL ? (size_t)(escape - line) - i : len - i;
        text_clean(buf, line + i, plain);
        i += plain;
        if (i == len)
            break;
        int parameters;
        size_t used = escape_length(line + i, len - i, &parameters);
        if (parameters >= 0 && colors) {
            buf_printf(buf, "\x1b[%.*sm", parameters, line + i + 2);
            colored = true;
        }
        i += used;
    }
    buf_append_str(buf, colored ? "\x1b[0m" : "");
}

/* What a carriage return would overwrite gets a line of its own. */
static void clean_line(void *arg, const char *line, size_t len)
{
    struct stream *stream = arg;
    buf_clear(&stream->clean);
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
    write_all(stream, stream->clean.data, stream->clean.len);
}

void stream_write(struct stream *stream, const char *data, size_t len)
{
    if (stream->terminal)
        lines_feed(&stream->lines, data, len, clean_line, stream);
    else
        write_all(stream, data, len);
}

void stream_end(struct stream *stream)
{
    lines_end(&stream->lines, clean_line, stream);
}
