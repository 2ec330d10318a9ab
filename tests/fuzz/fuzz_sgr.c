#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tui/kit/sgr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sgr_line line = {0};
    sgr_parse(&line, (const char *)data, size);
    assert(strlen(line.text.data) == line.text.len);
    for (size_t i = 0; i < line.text.len; i++)
        assert((unsigned char)line.text.data[i] >= 0x20 && line.text.data[i] != 0x7f);
    assert(line.runs_len > 0 && line.runs[0].start == 0);
    for (size_t i = 0; i < line.runs_len; i++) {
        assert(line.runs[i].start <= line.text.len);
        assert(i == 0 || line.runs[i].start > line.runs[i - 1].start);
        assert(line.runs[i].foreground >= -1 && line.runs[i].foreground <= 7);
    }
    sgr_done(&line);
    return 0;
}
