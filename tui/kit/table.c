#include "tui/kit/table.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

enum { WIDE = 100 }; /* from here on, two columns between columns */

/* What is left goes to the growing columns, one column at a time, so that
 * they grow alike until each has its most. */
static int grow(struct table *table, int left)
{
    bool grown = true;
    while (left > 0 && grown) {
        grown = false;
        for (size_t i = 0; i < table->len && left > 0; i++) {
            struct table_place *place = &table->places[i];
            if (place->width == 0 || place->width >= table->columns[i].most)
                continue;
            place->width++;
            left--;
            grown = true;
        }
    }
    return left;
}

void table_init(struct table *table, const struct table_column *columns, size_t len)
{
    assert(len <= TABLE_COLUMNS_MAX);
    *table = (struct table){.len = len};
    memcpy(table->columns, columns, len * sizeof *columns);
}

void table_fit_column(struct table *table, size_t column, int longest)
{
    if (longest < table->columns[column].most)
        table->columns[column].most = longest;
}

void table_hide_column(struct table *table, size_t column)
{
    table->columns[column].from_width = INT_MAX;
}

void table_layout(struct table *table, int x, int width)
{
    int gap = width >= WIDE ? 2 : 1, left = width - x;
    for (size_t i = 0; i < table->len; i++) {
        if (width < table->columns[i].from_width)
            continue;
        table->places[i].width = table->columns[i].width;
        left -= table->columns[i].width + (i > 0 ? gap : 0);
    }
    grow(table, left);
    for (size_t i = 0; i < table->len; i++) {
        table->places[i].x = x;
        if (table->places[i].width > 0)
            x += table->places[i].width + gap;
    }
}

void table_draw_titles(const struct table *table, const struct canvas *canvas, int y)
{
    struct canvas row = canvas_part(canvas, y, 0, 1, canvas->cols);
    for (size_t i = 0; i < table->len; i++)
        table_cell(table, &row, i, STYLE_DIM, table->columns[i].title);
}

void table_cell(const struct table *table, const struct canvas *row, size_t column,
                enum style style, const char *text)
{
    const struct table_place *place = &table->places[column];
    if (place->width == 0)
        return;
    if (table->columns[column].right)
        canvas_right(row, 0, place->x, place->width, style, text);
    else
        canvas_text(row, 0, place->x, place->width, style, text);
}

void table_cell_raw(const struct table *table, const struct canvas *row, size_t column,
                    enum style style, const char *text, size_t len)
{
    const struct table_place *place = &table->places[column];
    if (place->width > 0)
        canvas_raw(row, 0, place->x, place->width, style, text, len);
}
