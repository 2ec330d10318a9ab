/* A chart of columns, made of text: each row of it a line. Slots of time of
 * which nothing is known stay empty. */
#ifndef BILGE_BASE_CHART_H
#define BILGE_BASE_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/mem.h"

struct chart {
    const int64_t *slots; /* negative: not known; else from 0 */
    size_t len;
    size_t columns, rows; /* in cells */
    int64_t top;          /* the value that fills a column, from 1 */
    /* Of a cell: an eighth full to eight eighths. */
    const char *const *eighths;
};

/* The highest of the slots; 0 when none is known. */
int64_t chart_highest(const int64_t *slots, size_t len);
/* The lowest of those that are known; -1 when none is. */
int64_t chart_lowest(const int64_t *slots, size_t len);
/* Appends row `row`, the uppermost being 0: chart->columns cells. What is there
 * shows, be it ever so little. */
void chart_append_row(const struct chart *chart, size_t row, struct buf *buf);
/* Appends `left` and `right` at the ends of so many columns; `right` alone
 * where there is no room for both. ASCII. */
void chart_append_ends(size_t columns, const char *left, const char *right, struct buf *buf);

#endif
