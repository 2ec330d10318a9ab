#include "tests/fuzz/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_progress(&progress_legacy, data, size);
}
