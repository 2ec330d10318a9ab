/* Escape sequences in text of unknown origin, told apart so that they can be
 * left out, and colours re-made. Source: ECMA-48; strings may also be ended by
 * BEL, as xterm has it. */
#ifndef BILGE_BASE_ESCAPE_H
#define BILGE_BASE_ESCAPE_H

#include <stddef.h>

#include "core/base/mem.h"

/* What stands between "ESC [" and "m": digits, ';' and ':' only. */
struct escape_colour {
    const char *numbers; /* NULL: the sequence sets no colour */
    size_t len;
};

/* Length of the sequence that begins at text[0], an ESC, within `len` bytes; 0
 * when it is none, or not a whole one. A string (a title, say) that does not
 * end swallows the rest, as it would in a terminal. */
size_t escape_length(const char *text, size_t len, struct escape_colour *ret_colour);

/* Appends the text without its sequences. */
void escape_strip(struct buf *buf, const char *text, size_t len);

#endif
