/* A window on a build's log, or on some of its steps. It reads only the lines
 * that can be seen, however many there are. */
#ifndef BILGE_TUI_LOG_VIEW_H
#define BILGE_TUI_LOG_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/builds/log/buildlog.h"
#include "tui/kit/canvas.h"
#include "tui/kit/keymap.h"
#include "tui/log_line.h"

struct log_view {
    uint64_t top;   /* the line in the first row */
    size_t top_row; /* and which of its rows, when wrapped */
    int left;       /* columns scrolled to the right, when not wrapped */
    bool follow, wrap;
    bool times;              /* what progress puts before output is shown */
    struct logfilter filter; /* the steps whose lines are shown */
    char *search;            /* marked where it stands; NULL: nothing */
    bool has_hit;
    uint64_t hit; /* the line that a search or a jump has gone to */
    int above;    /* rows still to be shown before it, once they have come from the file */
    /* As last drawn. */
    int rows, cols;
    uint64_t last; /* the last line shown */
    struct log_line line;
};

void log_view_done(struct log_view *view);
void log_view_draw(struct log_view *view, const struct buildlog *log, const struct canvas *canvas);
/* Movement; false when the command is none. */
bool log_view_command(struct log_view *view, const struct buildlog *log, enum command command);
void log_view_scroll(struct log_view *view, const struct buildlog *log, long rows);
/* Shows this line with so many rows before it, and, of a match in it, the
 * columns where it stands. */
void log_view_go_to(struct log_view *view, const struct buildlog *log, uint64_t number, int above);

/* Draws a line of a log: its own colours, what kind of line it is, and the
 * places where the text sought stands. */
struct log_look {
    const char *sought; /* NULL: nothing */
    bool exact_case;
    bool hit; /* it is the match that the user has gone to */
};

/* The columns [from, from + canvas->cols) of the line in one row. */
void log_draw(const struct canvas *canvas, int y, const struct log_line *line, int from,
              const struct log_look *look);

#endif
