#include "core/base/threshold.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

bool threshold_parse(const char *text, struct threshold *ret_level)
{
    struct threshold level = {0};
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " ");
    if (strcmp(unit, "%") == 0) {
        if (digits == 0 || digits > 3)
            return false;
        level.used_percent = atoi(text);
        if (level.used_percent < 1 || level.used_percent > 100)
            return false;
    } else if (!text_parse_size(text, &level.free_bytes) || level.free_bytes == 0) {
        return false;
    }
    *ret_level = level;
    return true;
}

char *level_refusal(const char *text)
{
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
        return mem_printf("%s what? such as 85%% of the disk used, or 10GB of it free", text);
    return mem_printf("\"%s\" is not a percentage such as 85%%, or a size that is left free "
                      "such as 10GB",
                      text);
}

int threshold_used_percent(int64_t total_bytes, int64_t free_bytes)
{
    if (total_bytes <= 0)
        return 0;
    return (int)(100 - 100 * (double)free_bytes / (double)total_bytes + 0.5);
}

bool threshold_is_reached(const struct threshold *level, int64_t total_bytes, int64_t free_bytes)
{
    if (total_bytes <= 0)
        return false;
    if (level->used_percent > 0)
        return threshold_used_percent(total_bytes, free_bytes) >= level->used_percent;
    return free_bytes < level->free_bytes;
}
