#include <stdlib.h>

#include "core/engine/builders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct builder_list list;
    struct api_pruned pruned;
    struct err err;
    if (builders_parse(text, size, &list, &err) == 0)
        builder_list_free(&list);
    if (builders_parse_pruned(text, size, &pruned, &err) == 0) {
        for (size_t i = 0; i < pruned.ids_len; i++)
            if (!api_is_record_id(pruned.ids[i]))
                abort();
        if (pruned.freed_bytes < 0)
            abort();
        api_pruned_done(&pruned);
    }
    return 0;
}
