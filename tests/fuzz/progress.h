/* Common to the fuzz targets of the progress formats: whatever the chunks are,
 * the same build comes out, and no bytes are lost. */
#ifndef BILGE_TESTS_FUZZ_PROGRESS_H
#define BILGE_TESTS_FUZZ_PROGRESS_H

#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/builds/progress/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct build *fuzz_feed(const struct progress_ops *ops, const char *text, size_t len,
                               size_t chunk)
{
    static const char *const service[] = {"api"};
    struct build *build = build_new(1, service, 1, "fuzz", 1024 * 1024);
    void *progress = ops->open(build);
    for (size_t i = 0; i < len; i += chunk)
        ops->feed(progress, 1, text + i, len - i < chunk ? len - i : chunk, 1000);
    ops->end(progress, 2000);
    ops->close(progress);
    return build;
}

static void fuzz_same_text(const char *a, const char *b)
{
    assert((a == NULL) == (b == NULL));
    assert(a == NULL || strcmp(a, b) == 0);
}

static int fuzz_progress(const struct progress_ops *ops, const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    struct build *whole = fuzz_feed(ops, text, size - 1, size);
    struct build *pieces = fuzz_feed(ops, text, size - 1, 1 + data[0] % 61);
    struct buildlog_line a, b;
    assert(whole->steps_len == pieces->steps_len);
    for (size_t i = 0; i < whole->steps_len; i++) {
        assert(whole->steps[i].state == pieces->steps[i].state);
        assert(whole->steps[i].last_line == pieces->steps[i].last_line);
        fuzz_same_text(whole->steps[i].name, pieces->steps[i].name);
        fuzz_same_text(whole->steps[i].error, pieces->steps[i].error);
    }
    assert(buildlog_end(whole->log) == buildlog_end(pieces->log));
    for (uint64_t i = 0; buildlog_get(whole->log, i, &a) == 0; i++) {
        assert(buildlog_get(pieces->log, i, &b) == 0);
        assert(a.len == b.len && memcmp(a.text, b.text, a.len) == 0 && a.step == b.step);
        assert(a.number == b.number && a.kind == b.kind);
        assert(a.time == b.time && a.decimals == b.decimals);
    }
    fuzz_same_text(whole->error, pieces->error);
    build_count(whole);
    build_free(whole);
    build_free(pieces);
    return 0;
}

#endif
