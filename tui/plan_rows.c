#include "tui/plan_rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum sort { AS_PLANNED, BY_FREES, BY_SIZE, BY_AGE, BY_LOSS, BY_KIND, BY_SERVICE };

const struct pane_sort plan_sorts[] = {
    [AS_PLANNED] = {NULL, false}, [BY_FREES] = {"frees", true},  [BY_SIZE] = {"size", true},
    [BY_AGE] = {"age", true},     [BY_LOSS] = {"loss", false},   [BY_KIND] = {"kind", false},
    [BY_SERVICE] = {"service", false},
};
const size_t plan_sorts_len = sizeof plan_sorts / sizeof plan_sorts[0];

struct keyed {
    double number;
    const char *text;
    size_t index;
};

static struct keyed key_of(const struct plan *plan, size_t index, size_t sort)
{
    const struct plan_item *item = &plan->items[index];
    struct keyed keyed = {0, "", index};
    switch ((enum sort)sort) {
    case BY_FREES:
        keyed.number = (double)item->frees_bytes;
        break;
    case BY_SIZE:
        keyed.number = (double)item->size_bytes;
        break;
    case BY_AGE:
        keyed.number = (double)item->age_s;
        break;
    case BY_LOSS:
        keyed.number = item->rebuild_s;
        break;
    case BY_KIND:
        keyed.number = item->kind;
        break;
    case BY_SERVICE:
        keyed.text = item->service != NULL ? item->service : "";
        break;
    case AS_PLANNED:
        break;
    }
    return keyed;
}

static int ascending(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* What is equal stays as it was planned. */
static int descending(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->number != y->number)
        return x->number > y->number ? -1 : 1;
    int order = strcmp(y->text, x->text);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static void add(struct plan_rows *rows, enum plan_row_kind kind, size_t index)
{
    rows->rows[rows->len++] = (struct plan_row){kind, index};
}

static void add_items(struct plan_rows *rows, const struct plan *plan)
{
    struct keyed *keyed = mem_alloc((plan->items_len + 1) * sizeof *keyed);
    for (size_t i = 0; i < plan->items_len; i++)
        keyed[i] = key_of(plan, i, rows->sort);
    if (plan->items_len > 0)
        qsort(keyed, plan->items_len, sizeof *keyed, rows->descending ? descending : ascending);
    for (size_t i = 0; i < plan->items_len; i++)
        add(rows, PLAN_ROW_ITEM, keyed[i].index);
    free(keyed);
}

void plan_rows_make(struct plan_rows *rows, const struct plan *plan,
                    const struct plan_changes *changes)
{
    size_t gone_len = changes != NULL ? changes->gone_len : 0;
    free(rows->rows);
    rows->rows = mem_alloc((plan->items_len + plan->kept_len + gone_len + 2) * sizeof *rows->rows);
    rows->len = 0;
    add_items(rows, plan);
    if (gone_len > 0)
        add(rows, PLAN_ROW_HEADING, PLAN_ROW_GONE);
    for (size_t i = 0; i < gone_len; i++)
        add(rows, PLAN_ROW_GONE, changes->gone[i]);
    if (plan->kept_len > 0)
        add(rows, PLAN_ROW_HEADING, PLAN_ROW_KEPT);
    for (size_t i = 0; i < plan->kept_len; i++)
        add(rows, PLAN_ROW_KEPT, i);
}

size_t plan_rows_find(const struct plan_rows *rows, size_t item)
{
    for (size_t i = 0; i < rows->len; i++)
        if (rows->rows[i].kind == PLAN_ROW_ITEM && rows->rows[i].index == item)
            return i;
    return 0;
}

void plan_rows_done(struct plan_rows *rows)
{
    free(rows->rows);
    rows->rows = NULL;
    rows->len = 0;
}
