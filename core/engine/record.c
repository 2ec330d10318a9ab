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

void records_sum(struct records *records)
{
    int64_t most = RECORDS_SIZE_MAX / (int64_t)(records->len > 0 ? records->len : 1);
    records->size_bytes = records->reclaimable_bytes = records->shared_bytes = 0;
    for (size_t i = 0; i < records->len; i++) {
        struct record *record = &records->items[i];
        if (record->size_bytes > most)
            record->size_bytes = most;
        records->size_bytes += record->size_bytes;
        if (!record->in_use)
            records->reclaimable_bytes += record->size_bytes;
        if (record->shared)
            records->shared_bytes += record->size_bytes;
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
