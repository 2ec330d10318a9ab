/* Columns of a list: which are shown at a width, and where. Pure but for the
 * drawing of the titles. */
#ifndef BILGE_TUI_KIT_TABLE_H
#define BILGE_TUI_KIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/kit/canvas.h"

#define TABLE_COLUMNS_MAX 12

struct table_column {
    const char *title;
    int width;      /* the least */
    int most;       /* it grows to this when there is room; 0: it does not grow */
    bool right;     /* numbers */
    int from_width; /* shown from this width of the table */
};

struct table {
    struct table_column columns[TABLE_COLUMNS_MAX]; /* a copy */
    size_t len;
    struct table_place {
        int x, width; /* width 0: not shown */
    } places[TABLE_COLUMNS_MAX];
};

void table_init(struct table *table, const struct table_column *columns, size_t len);
/* The column need not grow beyond what stands in it. */
void table_fit_column(struct table *table, size_t column, int longest);
/* `x`: where the first column begins. */
/* It is shown at no width; before the layout. */
void table_hide_column(struct table *table, size_t column);
void table_layout(struct table *table, int x, int width);
void table_draw_titles(const struct table *table, const struct canvas *canvas, int y);
/* Clean text into its column. */
void table_cell(const struct table *table, const struct canvas *row, size_t column,
                enum style style, const char *text);
/* Text of unknown origin. */
void table_cell_raw(const struct table *table, const struct canvas *row, size_t column,
                    enum style style, const char *text, size_t len);

#endif
