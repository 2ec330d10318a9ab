#include "tui/kit/layout.h"

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

/* Shares `rows` among the first `len` panes: a fair part each, what one does
 * not want goes to the others, and what nobody wants to the records. */
static void share(int rows, int len, const int *wanted, int *ret_rows)
{
    int left = rows;
    for (int i = 0; i < len; i++) {
        ret_rows[i] = at_most(wanted[i], rows / len);
        left -= ret_rows[i];
    }
    for (int i = 0; i < len && left > 0; i++) {
        int more = at_most(wanted[i] - ret_rows[i], left);
        ret_rows[i] += more;
        left -= more;
    }
    ret_rows[PANE_RECORDS] += left;
}

/* Panes one above the other from row `y`, a title row before each. */
static void stack(struct layout *layout, int len, int y, int rows, int cols, const int *wanted)
{
    int heights[PANES];
    share(rows - len, len, wanted, heights);
    for (int i = 0; i < len; i++) {
        layout->panes[i] = (struct layout_rect){y + 1, 1, heights[i], cols - 2};
        y += 1 + heights[i];
    }
}

struct layout layout_zoomed(int rows, int cols, enum pane_id focus)
{
    struct layout layout = {0};
    if (rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS)
        return layout;
    layout.form = LAYOUT_SINGLE;
    layout.panes[focus] = (struct layout_rect){2, 1, rows - 3, cols - 2};
    return layout;
}

struct layout layout_main(int rows, int cols, enum pane_id focus, const int wanted[PANES])
{
    struct layout layout = {0};
    int body = rows - 2; /* without header and footer */
    if (rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS)
        return layout;
    if (rows < LAYOUT_STACK_ROWS) {
        layout = layout_zoomed(rows, cols, focus);
    } else if (cols < LAYOUT_WIDE_COLS) {
        layout.form = LAYOUT_STACKED;
        stack(&layout, PANES, 1, body, cols, wanted);
    } else {
        int left = cols * 5 / 9;
        layout.form = LAYOUT_WIDE;
        stack(&layout, 2, 1, body, left, wanted);
        layout.panes[PANE_BUILD] = (struct layout_rect){2, left, body - 1, cols - left - 1};
    }
    return layout;
}
