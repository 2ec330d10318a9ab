#include "core/base/escape.h"

#include <string.h>

#define COLOUR_MAX_BYTES 128

static size_t skip_range(const char *text, size_t at, size_t len, char low, char high)
{
    while (at < len && text[at] >= low && text[at] <= high)
        at++;
    return at;
}

/* "ESC [ parameters intermediates final" */
static size_t control_sequence(const char *text, size_t len, struct escape_colour *ret_colour)
{
    size_t numbers = skip_range(text, 2, len, '0', ';');
    size_t end = skip_range(text, skip_range(text, numbers, len, 0x30, 0x3f), len, 0x20, 0x2f);
    if (end >= len || text[end] < 0x40 || text[end] > 0x7e)
        return 0;
    if (text[end] == 'm' && numbers == end && end <= COLOUR_MAX_BYTES)
        *ret_colour = (struct escape_colour){text + 2, end - 2};
    return end + 1;
}

/* Up to BEL or "ESC \". */
static size_t control_string(const char *text, size_t len)
{
    for (size_t end = 2; end < len; end++) {
        if (text[end] == '\a')
            return end + 1;
        if (text[end] == '\033' && end + 1 < len && text[end + 1] == '\\')
            return end + 2;
    }
    return len;
}

size_t escape_length(const char *text, size_t len, struct escape_colour *ret_colour)
{
    *ret_colour = (struct escape_colour){0};
    if (len < 2)
        return 0;
    if (text[1] == '[')
        return control_sequence(text, len, ret_colour);
    if (memchr("]PX^_", text[1], 5) != NULL)
        return control_string(text, len);
    /* "ESC intermediates final", such as the choice of a character set. */
    size_t end = skip_range(text, 1, len, 0x20, 0x2f);
    return end < len && text[end] >= 0x30 && text[end] < 0x7f ? end + 1 : 0;
}

void escape_strip(struct buf *buf, const char *text, size_t len)
{
    while (len > 0) {
        const char *escape = memchr(text, '\033', len);
        size_t plain = escape != NULL ? (size_t)(escape - text) : len;
        buf_append(buf, text, plain);
        text += plain;
        len -= plain;
        struct escape_colour colour;
        size_t used = len > 0 ? escape_length(text, len, &colour) : 0;
        used = len > 0 && used == 0 ? 1 : used;
        text += used;
        len -= used;
    }
}
