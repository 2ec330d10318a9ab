/* Drawing into a rectangle of the screen: nothing gets out of it, whatever
 * the text is and however small it has become. */
#ifndef BILGE_TUI_KIT_CANVAS_H
#define BILGE_TUI_KIT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curses.h>

#include "core/base/mem.h"
#include "tui/kit/theme.h"

struct canvas {
    WINDOW *window;
    const struct theme *theme;
    struct buf *scratch; /* for cleaning text; shared by all parts */
    int y, x, rows, cols;
    enum style over; /* all text in it takes this style, unless STYLE_NORMAL */
};

/* A part of it, cut to fit; its own origin is its top left corner. */
struct canvas canvas_part(const struct canvas *canvas, int y, int x, int rows, int cols);
/* One row, filled with the style that all its text then takes. */
struct canvas canvas_row(const struct canvas *canvas, int y, enum style over);

/* Clean text in at most `width` columns, ended by an ellipsis where it was
 * cut. Returns the columns taken. */
int canvas_text(const struct canvas *canvas, int y, int x, int width, enum style style,
                const char *text);
/* The same, at the right edge of the `width` columns. */
void canvas_right(const struct canvas *canvas, int y, int x, int width, enum style style,
                  const char *text);
/* Text of unknown origin: made clean first. */
int canvas_raw(const struct canvas *canvas, int y, int x, int width, enum style style,
               const char *text, size_t len);
int canvas_printf(const struct canvas *canvas, int y, int x, int width, enum style style,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));
/* One glyph of one column, `count` times. */
void canvas_fill(const struct canvas *canvas, int y, int x, int count, enum style style,
                 const char *glyph);
/* A bar of `width` columns, `part` of `whole` of it full. */
void canvas_bar(const struct canvas *canvas, int y, int x, int width, enum style style,
                int64_t part, int64_t whole);
/* Text with attributes of its own choice (a log's colours); not cut with an
 * ellipsis. */
int canvas_attr(const struct canvas *canvas, int y, int x, int width, attr_t attributes, short pair,
                const char *text);
/* Blanks all of it. */
void canvas_clear(const struct canvas *canvas);
/* A frame around all of it with a title in its upper edge; clears the inside
 * and returns it. */
struct canvas canvas_box(const struct canvas *canvas, enum style style, const char *title);

#endif
