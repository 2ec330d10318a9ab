/* The rows of the plan screen: items, in the order asked for, what is kept, and
 * what was in the plan until it was made again. */
#ifndef BILGE_TUI_PLAN_ROWS_H
#define BILGE_TUI_PLAN_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/prune/plan.h"
#include "tui/pane.h"

enum plan_row_kind { PLAN_ROW_ITEM, PLAN_ROW_KEPT, PLAN_ROW_GONE, PLAN_ROW_HEADING };

struct plan_row {
    enum plan_row_kind kind;
    size_t index; /* of the item, the kept one, the item before; of a heading: enum plan_row_kind */
};

struct plan_rows {
    struct plan_row *rows;
    size_t len;
    size_t sort; /* in plan_sorts */
    bool descending;
};

extern const struct pane_sort plan_sorts[];
extern const size_t plan_sorts_len;

/* Makes them anew. `changes` NULL: the plan is the first one. */
void plan_rows_make(struct plan_rows *rows, const struct plan *plan,
                    const struct plan_changes *changes);
/* Where the item stands; 0 when it does not. */
size_t plan_rows_find(const struct plan_rows *rows, size_t item);
void plan_rows_done(struct plan_rows *rows);

#endif
