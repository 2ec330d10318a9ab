#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/base/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(void *arg, const char *line, size_t len)
{
    struct buf *buf = arg;
    buf_append(buf, line, len);
    buf_append(buf, "\n", 1);
}

static void cut(const char *data, size_t size, size_t max, size_t chunk, struct buf *ret_lines)
{
    struct lines lines;
    lines_init(&lines, max);
    for (size_t i = 0; i < size; i += chunk)
        lines_feed(&lines, data + i, size - i < chunk ? size - i : chunk, collect, ret_lines);
    lines_end(&lines, collect, ret_lines);
    lines_done(&lines);
}

/* The same lines, whatever the chunks are. The first bytes choose them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct buf whole = {0}, pieces = {0};
    size_t max = 1 + data[0] % 64, chunk = 1 + data[1] % 32;
    const char *text = (const char *)data + 2;
    cut(text, size - 2, max, size, &whole);
    cut(text, size - 2, max, chunk, &pieces);
    assert(whole.len == pieces.len);
    assert(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
