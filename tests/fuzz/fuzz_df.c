#include <stdlib.h>

#include "core/engine/api.h"
#include "core/engine/record.h"

/* The answers of the engine's API. What is read must keep its own promises. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct records records;
    struct api_info info;
    struct api_pruned pruned;
    struct err err;
    if (records_parse_df(text, size, &records, &err) == 0) {
        for (size_t i = 0; i < records.len; i++)
            if (records.items[i].id[0] == '\0' || records.items[i].size_bytes < 0)
                abort();
        if (records.size_bytes < records.reclaimable_bytes ||
            records.size_bytes < records.shared_bytes)
            abort();
        records_free(&records);
    }
    if (api_parse_info(text, size, &info, &err) == 0)
        api_info_done(&info);
    if (api_parse_pruned(text, size, &pruned, &err) == 0)
        api_pruned_done(&pruned);
    return 0;
}
