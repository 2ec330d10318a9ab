#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it reads it also writes, and reads again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size), written[CLOCK_TEXT_SIZE];
    int64_t at, again;
    if (clock_parse(text, &at)) {
        assert(at > 0);
        assert(clock_parse(clock_rfc3339(written, at), &again));
        assert(at == again);
    }
    free(text);
    return 0;
}
