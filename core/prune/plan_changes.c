/* What has changed between two plans of the same query. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/plan.h"

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare(const struct plan_item *x, const struct plan_item *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = compare_texts(x->service_id != NULL ? x->service_id : x->builder,
                              y->service_id != NULL ? y->service_id : y->builder);
    return order != 0 ? order : strcmp(x->id, y->id);
}

static int by_identity(const void *a, const void *b)
{
    return compare(*(const struct plan_item *const *)a, *(const struct plan_item *const *)b);
}

static const struct plan_item **sorted_items(const struct plan *plan)
{
    const struct plan_item **items = mem_alloc((plan->items_len + 1) * sizeof(*items));
    for (size_t i = 0; i < plan->items_len; i++)
        items[i] = &plan->items[i];
    qsort(items, plan->items_len, sizeof(*items), by_identity);
    return items;
}

size_t plan_find(const struct plan *plan, const struct plan_item *like)
{
    for (size_t i = 0; i < plan->items_len; i++)
        if (compare(&plan->items[i], like) == 0)
            return i;
    return SIZE_MAX;
}

struct plan_changes plan_compare(const struct plan *before, const struct plan *after)
{
    const struct plan_item **old = sorted_items(before), **new = sorted_items(after);
    struct plan_changes changes = {
        .gone = mem_alloc((before->items_len + 1) * sizeof *changes.gone),
        .items = mem_zalloc((after->items_len + 1) * sizeof *changes.items),
    };
    for (size_t i = 0, j = 0; i < before->items_len || j < after->items_len;) {
        int order = i == before->items_len  ? 1
                    : j == after->items_len ? -1
                                            : compare(old[i], new[j]);
        if (order < 0) {
            changes.gone[changes.gone_len++] = (size_t)(old[i] - before->items);
        } else if (order > 0) {
            changes.items[new[j] - after->items] = CHANGE_NEW;
            changes.new_len++;
        } else if (old[i]->frees_bytes != new[j]->frees_bytes) {
            changes.items[new[j] - after->items] = CHANGE_BYTES;
            changes.bytes_len++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    free(old);
    free(new);
    return changes;
}

void plan_changes_done(struct plan_changes *changes)
{
    free(changes->gone);
    free(changes->items);
    *changes = (struct plan_changes){0};
}
