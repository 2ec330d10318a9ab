#include "core/builds/log/logfilter.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void logfilter_add(struct logfilter *filter, int step)
{
    size_t bit = step > 0 ? (size_t)step : 0, need = bit / 8 + 1;
    if (need > filter->len) {
        size_t len = need > 2 * filter->len ? need : 2 * filter->len;
        filter->bits = mem_realloc(filter->bits, len);
        memset(filter->bits + filter->len, 0, len - filter->len);
        filter->len = len;
    }
    filter->bits[bit / 8] |= (unsigned char)(1u << bit % 8);
}

bool logfilter_takes(const struct logfilter *filter, int step)
{
    size_t bit = step > 0 ? (size_t)step : 0;
    if (filter->bits == NULL)
        return true;
    return bit / 8 < filter->len && (filter->bits[bit / 8] >> bit % 8 & 1) != 0;
}

bool logfilter_takes_all(const struct logfilter *filter)
{
    return filter->bits == NULL;
}

bool logfilter_equals(const struct logfilter *a, const struct logfilter *b)
{
    if ((a->bits == NULL) != (b->bits == NULL))
        return false;
    size_t len = a->len > b->len ? a->len : b->len;
    for (size_t i = 0; i < len; i++)
        if ((i < a->len ? a->bits[i] : 0) != (i < b->len ? b->bits[i] : 0))
            return false;
    return true;
}

struct logfilter logfilter_copy(const struct logfilter *filter)
{
    struct logfilter copy = {0};
    if (filter->bits != NULL) {
        copy.bits = mem_alloc(filter->len);
        memcpy(copy.bits, filter->bits, filter->len);
        copy.len = filter->len;
    }
    return copy;
}

void logfilter_done(struct logfilter *filter)
{
    free(filter->bits);
    *filter = (struct logfilter){0};
}
