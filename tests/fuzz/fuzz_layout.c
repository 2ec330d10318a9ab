#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache/clients.h"
#include "core/oci/json_reader.h"
#include "core/oci/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(const char *text, size_t size)
{
    struct manifest manifest;
    struct err err;
    if (manifest_parse(text, size, &manifest, &err) < 0)
        return;
    /* What it takes is JSON; only the deepest is a matter of where one begins. */
    struct json_reader json;
    size_t brackets = 0;
    for (size_t i = 0; i < size; i++)
        brackets += text[i] == '[' || text[i] == '{';
    json_reader_init(&json, text, size);
    json_reader_skip(&json);
    assert(json_reader_ended(&json) || brackets >= JSON_READER_MAX_DEPTH);
    uint32_t end = 0;
    for (size_t i = 0; i < manifest.len; i++) {
        const struct descriptor *descriptor = &manifest.descriptors[i];
        assert(descriptor->size_bytes >= -1);
        assert(descriptor->role != BLOB_UNKNOWN);
        /* Each stands where it says: index.json is cut there. */
        assert(descriptor->start >= end && descriptor->end <= size);
        assert(text[descriptor->start] == '{' && text[descriptor->end - 1] == '}');
        end = descriptor->end;
    }
    assert((manifest.odd != NULL) == (manifest.odd_count > 0));
    if (manifest.odd == NULL && manifest.list_start > 0) {
        assert(text[manifest.list_start - 1] == '[' && text[manifest.list_end] == ']');
        assert(manifest.len == 0 || !manifest.is_index ||
               (manifest.descriptors[0].start >= manifest.list_start && end <= manifest.list_end));
    }
    manifest_done(&manifest);
}

/* All that reads what others wrote into a cache directory, and the command
 * lines of their processes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* the NUL is not theirs to read: see client.h */
    struct layer_time *times;
    size_t len;
    assert(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_manifest(text, size);
    if (cacheconfig_parse(text, size, &times, &len, NULL) == 0)
        free(times);
    client_builds(text, size + 1);
    free(client_text(text, size + 1));
    free(text);
    return 0;
}
