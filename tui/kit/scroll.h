/* A cursor and a window on a run of rows. Pure. */
#ifndef BILGE_TUI_KIT_SCROLL_H
#define BILGE_TUI_KIT_SCROLL_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/kit/keymap.h"

struct scroll {
    size_t len;    /* rows there are */
    size_t cursor; /* below len, or 0 */
    size_t top;    /* first row shown */
    size_t height; /* rows that can be shown; set when drawn */
};

/* There are now `len` rows. */
void scroll_set_len(struct scroll *scroll, size_t len);
/* Room for `height` rows: moves the window so that the cursor is in it and no
 * row of the window stays empty that could be filled. */
void scroll_show(struct scroll *scroll, size_t height);
void scroll_to(struct scroll *scroll, size_t row);
void scroll_by(struct scroll *scroll, long rows);
/* Up, down, page, top, bottom. False when the command is none of these. */
bool scroll_command(struct scroll *scroll, enum command command);

/* For text without a cursor: moves the window itself. */
bool scroll_text_command(struct scroll *scroll, enum command command);
void scroll_text_by(struct scroll *scroll, long rows);
void scroll_text_show(struct scroll *scroll, size_t height);

#endif
