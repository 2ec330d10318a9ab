#include <stdlib.h>

#include "core/base/clock.h"
#include "core/engine/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now = INT64_C(1795335849) * CLOCK_SECOND;
    struct records records;
    struct err err;
    if (records_parse_du((const char *)data, size, now, &records, &err) < 0)
        return 0;
    for (size_t i = 0; i < records.len; i++) {
        const struct record *record = &records.items[i];
        if (record->id[0] == '\0' || record->type == NULL || record->description == NULL ||
            record->size_bytes < 0 || record->last_used_at < 0 || record->last_used_at > now)
            abort();
    }
    records_free(&records);
    return 0;
}
