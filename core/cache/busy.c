#include "core/cache/busy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/entries.h"
#include "core/cache/layout.h"

bool busy_is_fresh(int64_t modified_at, int64_t now)
{
    int64_t age = now - modified_at;
    return age < BUSY_GRACE_SECONDS * CLOCK_SECOND && age > -BUSY_GRACE_SECONDS * CLOCK_SECOND;
}

static const char *age_text(char out[TEXT_AGE_SIZE], int64_t modified_at, int64_t now)
{
    int64_t seconds = (now - modified_at) / CLOCK_SECOND;
    return text_age(out, seconds > 0 ? seconds : 0);
}

char *busy_ingest_sign(int64_t modified_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("an export wrote into ingest/ %s ago", age_text(age, modified_at, now));
}

char *busy_blob_sign(int64_t modified_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("a blob came %s ago that index.json does not know yet",
                      age_text(age, modified_at, now));
}
