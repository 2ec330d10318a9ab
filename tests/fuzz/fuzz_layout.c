#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache/client.h"
#include "core/cache/layout.h"
#include "core/cache/pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(const char *text, size_t size)
{
    struct manifest manifest;
    struct err err;
    if (manifest_parse(text, size, &manifest, &err) < 0)
        return;
    /* What it takes is JSON; only the deepest is a matter of where one begins. */
    struct pull json;
    size_t brackets = 0;
    for (size_t i = 0; i < size; i++)
        brackets += text[i] == '[' || text[i] == '{';
    pull_init(&json, text, size);
    pull_skip(&json);
    assert(pull_ended(&json) || brackets >= PULL_MAX_DEPTH);
    for (size_t i = 0; i < manifest.len; i++) {
        assert(manifest.descriptors[i].size_bytes >= -1);
        assert(manifest.descriptors[i].role != BLOB_UNKNOWN);
    }
    assert((manifest.odd != NULL) == (manifest.odd_count > 0));
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
