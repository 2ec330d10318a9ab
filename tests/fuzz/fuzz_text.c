#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t len)
{
    struct buf once = {0}, twice = {0};
    text_clean(&once, text, len);
    assert(strlen(once.data) == once.len);
    for (size_t i = 0; i < once.len; i++)
        assert((unsigned char)once.data[i] >= 0x20 && once.data[i] != 0x7f);
    text_clean(&twice, once.data, once.len);
    assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);

    size_t width = text_width(once.data), columns;
    for (size_t wanted = 0; wanted <= width && wanted < 20; wanted++) {
        size_t used = text_fit(once.data, wanted, &columns);
        assert(columns <= wanted && used <= once.len);
    }
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_clean((const char *)data, size);
    char *text = mem_strndup((const char *)data, size);
    int64_t number = -1;
    assert(!text_parse_size(text, &number) || number >= 0);
    number = -1;
    assert(!text_parse_age(text, &number) || number >= 0);
    free(text);
    return 0;
}
