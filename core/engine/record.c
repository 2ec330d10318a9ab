#include "core/engine/record.h"

#include <stdlib.h>
#include <string.h>

static void record_done(struct record *record)
{
    free(record->id);
    for (size_t i = 0; i < record->parents_len; i++)
        free(record->parents[i]);
    free(record->parents);
    free(record->type);
    free(record->description);
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < records->len; i++)
        record_done(&records->items[i]);
    free(records->items);
    *records = (struct records){0};
}

/* A lying peer must not make a sum wrap round. */
static void add_bytes(int64_t *sum, int64_t bytes)
{
    if (__builtin_add_overflow(*sum, bytes, sum))
        *sum = INT64_MAX;
}

void records_sum(struct records *records)
{
    records->size_bytes = records->reclaimable_bytes = records->shared_bytes = 0;
    for (size_t i = 0; i < records->len; i++) {
        const struct record *record = &records->items[i];
        add_bytes(&records->size_bytes, record->size_bytes);
        if (!record->in_use)
            add_bytes(&records->reclaimable_bytes, record->size_bytes);
        if (record->shared)
            add_bytes(&records->shared_bytes, record->size_bytes);
    }
}

const struct record *records_find(const struct records *records, const char *id)
{
    for (size_t i = 0; i < records->len; i++)
        if (strcmp(records->items[i].id, id) == 0)
            return &records->items[i];
    return NULL;
}

bool record_is_mutable(const char *type)
{
    return strcmp(type, "exec.cachemount") == 0 || strcmp(type, "source.local") == 0;
}
