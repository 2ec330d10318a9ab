/* How things look: colours, or none, and the signs that lines, bars and
 * states are drawn with. */
#ifndef BILGE_TUI_KIT_THEME_H
#define BILGE_TUI_KIT_THEME_H

#include <stdbool.h>

#include <curses.h>

#include "tui/kit/sgr.h"

enum style {
    STYLE_NORMAL,
    STYLE_DIM,
    STYLE_BOLD,
    STYLE_TITLE,
    STYLE_BORDER,
    STYLE_KEY,
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_ACCENT,
    STYLE_CURSOR,      /* the row under the cursor */
    STYLE_CURSOR_AWAY, /* the same, in a pane without the focus */
    STYLE_MATCH,       /* found text */
    STYLE_HIT,         /* the one that the user has gone to */
    STYLES
};

struct glyphs {
    const char *horizontal, *vertical;
    const char *top_left, *top_right, *bottom_left, *bottom_right;
    const char *tee_left, *tee_right, *tee_top, *tee_bottom;
    const char *cursor, *mark, *dot, *ellipsis, *arrow;
    const char *open;      /* of what arrow stands for when it is closed */
    const char *up, *down; /* sort directions */
    const char *waiting, *running, *done, *cached, *failed, *cancelled;
    const char *gauge_full, *gauge_empty;
    const char *spark[8]; /* a column as high as that, 1 to 8 eighths */
    const char *bar[9];   /* 0 to 8 eighths of a column; [8] full */
};

struct theme {
    attr_t attributes[STYLES];
    short pairs[STYLES];
    const struct glyphs *glyphs;
    bool utf8;  /* else only ASCII reaches the terminal */
    bool ascii; /* lines, bars and arrows of ASCII */
    bool colors;
    short sgr_pairs; /* first of 8 pairs for the colours of a log; 0: none */
};

/* After newterm(). `utf8`: the locale can print it. */
void theme_init(struct theme *theme, bool ascii, bool no_color, bool utf8);
/* Attributes for a run of a log line. */
attr_t theme_sgr(const struct theme *theme, const struct sgr_run *run, short *ret_pair);

#endif
