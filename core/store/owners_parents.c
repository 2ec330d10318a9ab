/* Owners by what stands on a record. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/owners_private.h"

struct named {
    const char *id;
    size_t record;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static const struct named *find(const struct named *names, size_t len, const char *id)
{
    const struct named wanted = {.id = id};
    return len > 0 ? bsearch(&wanted, names, len, sizeof *names, by_id) : NULL;
}

/* Each record is looked at again only when its own set has grown, so this ends,
 * circles or not. */
void owners_to_parents(struct finder *finder, uint64_t *sets)
{
    const struct records *records = finder->records;
    struct named *names = mem_alloc((records->len + 1) * sizeof *names);
    size_t *stack = mem_alloc((records->len + 1) * sizeof *stack);
    bool *stacked = mem_zalloc(records->len + 1);
    size_t depth = 0;
    for (size_t i = 0; i < records->len; i++) {
        names[i] = (struct named){records->items[i].id, i};
        if (!set_is_empty(finder, set_at(finder, sets, i))) {
            stack[depth++] = i;
            stacked[i] = true;
        }
    }
    qsort(names, records->len, sizeof *names, by_id);
    while (depth > 0) {
        size_t child = stack[--depth];
        const struct record *record = &records->items[child];
        stacked[child] = false;
        for (size_t i = 0; i < record->parents_len; i++) {
            const struct named *parent = find(names, records->len, record->parents[i]);
            if (parent == NULL ||
                !set_join(finder, set_at(finder, sets, parent->record),
                          set_at(finder, sets, child)) ||
                stacked[parent->record])
                continue;
            stack[depth++] = parent->record;
            stacked[parent->record] = true;
        }
    }
    free(names);
    free(stack);
    free(stacked);
}
