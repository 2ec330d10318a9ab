#include "core/base/lines.h"

#include <string.h>

void lines_init(struct lines *lines, size_t max)
{
    *lines = (struct lines){.max = max};
}

void lines_done(struct lines *lines)
{
    buf_done(&lines->partial);
}

/* Hands on `len` bytes that follow the partial line; `whole` when a newline
 * stood behind them. */
static void hand_on(struct lines *lines, const char *data, size_t len, int whole, lines_cb *cb,
                    void *arg)
{
    while (lines->partial.len + len > lines->max) {
        size_t room = lines->max - lines->partial.len;
        buf_append(&lines->partial, data, room);
        cb(arg, lines->partial.data, lines->partial.len);
        lines->continues = true;
        buf_clear(&lines->partial);
        data += room;
        len -= room;
    }
    if (whole && lines->partial.len == 0) {
        cb(arg, data, len);
        lines->continues = false;
        return;
    }
    buf_append(&lines->partial, data, len);
    if (whole) {
        cb(arg, lines->partial.data, lines->partial.len);
        lines->continues = false;
        buf_clear(&lines->partial);
    }
}

void lines_feed(struct lines *lines, const char *data, size_t len, lines_cb *cb, void *arg)
{
    const char *end = data + len;
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        if (newline == NULL) {
            hand_on(lines, data, (size_t)(end - data), 0, cb, arg);
            return;
        }
        hand_on(lines, data, (size_t)(newline - data), 1, cb, arg);
        data = newline + 1;
    }
}

void lines_end(struct lines *lines, lines_cb *cb, void *arg)
{
    if (lines->partial.len == 0)
        return;
    cb(arg, lines->partial.data, lines->partial.len);
    buf_clear(&lines->partial);
}
