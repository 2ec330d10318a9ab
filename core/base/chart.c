#include "core/base/chart.h"

#include <string.h>

int64_t chart_highest(const int64_t *slots, size_t len)
{
    int64_t highest = 0;
    for (size_t i = 0; i < len; i++)
        if (slots[i] > highest)
            highest = slots[i];
    return highest;
}

int64_t chart_lowest(const int64_t *slots, size_t len)
{
    int64_t lowest = -1;
    for (size_t i = 0; i < len; i++)
        if (slots[i] >= 0 && (lowest < 0 || slots[i] < lowest))
            lowest = slots[i];
    return lowest;
}

/* The lowest of the slots that share a column: a moment without room must not
 * vanish. */
static int64_t column_value(const struct chart *chart, size_t column)
{
    size_t from = column * chart->len / chart->columns;
    size_t to = (column + 1) * chart->len / chart->columns;
    return chart_lowest(chart->slots + from, to > from ? to - from : 1);
}

void chart_append_row(const struct chart *chart, size_t row, struct buf *buf)
{
    int64_t below = (int64_t)(chart->rows - 1 - row) * 8;
    for (size_t column = 0; column < chart->columns; column++) {
        int64_t value = column_value(chart, column);
        double share = (double)value / (double)chart->top;
        int64_t height = (int64_t)(share * (double)chart->rows * 8 + 0.5);
        if (value >= 0 && height < 1)
            height = 1;
        int64_t here = value < 0 ? 0 : height - below;
        buf_append_str(buf, here <= 0 ? " " : chart->eighths[here >= 8 ? 7 : here - 1]);
    }
}

void chart_append_ends(size_t columns, const char *left, const char *right, struct buf *buf)
{
    size_t both = strlen(left) + strlen(right);
    if (both >= columns)
        left = "", both = strlen(right);
    buf_printf(buf, "%s%*s%s", left, both < columns ? (int)(columns - both) : 0, "", right);
}
