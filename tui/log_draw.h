/* Draws a line of a log: its own colours, what kind of line it is, and the
 * places where the text sought stands. */
#ifndef BILGE_TUI_LOG_DRAW_H
#define BILGE_TUI_LOG_DRAW_H

#include "tui/canvas.h"
#include "tui/log_line.h"

struct log_look {
    const char *sought; /* NULL: nothing */
    bool exact_case;
    bool hit; /* it is the match that the user has gone to */
};

/* The columns [from, from + canvas->cols) of the line in one row. */
void log_draw(const struct canvas *canvas, int y, const struct log_line *line, int from,
              const struct log_look *look);

#endif
