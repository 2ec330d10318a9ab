/* A window on a build's log. It reads only the lines that can be seen,
 * however many there are. */
#ifndef BILGE_TUI_LOG_VIEW_H
#define BILGE_TUI_LOG_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/build/buildlog.h"
#include "tui/canvas.h"
#include "tui/keymap.h"
#include "tui/sgr.h"

struct log_view {
    uint64_t top;   /* the line in the first row */
    size_t top_row; /* and which of its rows, when wrapped */
    int left;       /* columns scrolled to the right, when not wrapped */
    bool follow, wrap;
    char *search;   /* NULL: none */
    int rows, cols; /* as last drawn */
    struct sgr_line line;
};

void log_view_done(struct log_view *view);
void log_view_draw(struct log_view *view, const struct buildlog *log, const struct canvas *canvas);
/* Movement; false when the command is none. */
bool log_view_command(struct log_view *view, const struct buildlog *log, enum command command);
void log_view_scroll(struct log_view *view, const struct buildlog *log, long rows);
/* Goes to the next line (`step` 1) or the one before (-1) that holds the text
 * sought, whatever the case; false: there is none. */
bool log_view_find(struct log_view *view, const struct buildlog *log, uint64_t from, int step);

#endif
