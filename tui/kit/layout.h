/* Where the panes of the main screen stand, for a size of the terminal. Pure.
 *
 *   stacked                side by side (wide)          single (small)
 *   header                 header                       header
 *   ┌ services ┐           ┌ services ─┬ build ┐        ┌ the pane in focus ┐
 *   ├ records  ┤           ├ records ──┤       │        └ keys ─────────────┘
 *   ├ build    ┤           └ keys ─────┴───────┘
 *   └ keys ────┘ */
#ifndef BILGE_TUI_KIT_LAYOUT_H
#define BILGE_TUI_KIT_LAYOUT_H

enum pane_id { PANE_SERVICES, PANE_RECORDS, PANE_BUILD, PANES };

#define LAYOUT_MIN_ROWS 10
#define LAYOUT_MIN_COLS 40
#define LAYOUT_STACK_ROWS 18 /* fewer: one pane at a time */
#define LAYOUT_WIDE_COLS 150 /* as many: side by side */

enum layout_form { LAYOUT_TOO_SMALL, LAYOUT_SINGLE, LAYOUT_STACKED, LAYOUT_WIDE };

/* What a pane holds, without its border. rows 0: not shown. Its title stands
 * in the row above. */
struct layout_rect {
    int y, x, rows, cols;
};

struct layout {
    enum layout_form form;
    struct layout_rect panes[PANES];
};

/* wanted[]: rows that each pane could fill, its column titles included; at
 * least 1. */
struct layout layout_main(int rows, int cols, enum pane_id focus, const int wanted[PANES]);
/* The pane in focus alone. */
struct layout layout_zoomed(int rows, int cols, enum pane_id focus);

#endif
