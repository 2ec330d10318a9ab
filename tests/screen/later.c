/* A clock that is ahead of the real one by as many seconds as the file says that
 * BILGE_TEST_CLOCK names: so that what grows old can be seen without waiting.
 * Linked over clock_now() of the whole program (ld's --wrap). */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"

int64_t __real_clock_now(void);
int64_t __wrap_clock_now(void);

int64_t __wrap_clock_now(void)
{
    const char *path = getenv("BILGE_TEST_CLOCK");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    long seconds = 0;
    if (file != NULL && fscanf(file, "%ld", &seconds) != 1)
        seconds = 0;
    if (file != NULL)
        fclose(file);
    return __real_clock_now() + seconds * CLOCK_SECOND;
}
