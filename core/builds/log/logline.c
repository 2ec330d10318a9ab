#include "core/builds/log/logline.h"

#include <string.h>

/* At least so many digits; says how many. */
static size_t put_number(char *out, uint32_t number, int least)
{
    char digits[16];
    size_t len = 0;
    while (number > 0 || least > 0) {
        digits[len++] = (char)('0' + number % 10);
        number /= 10;
        least--;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = digits[len - 1 - i];
    return len;
}

size_t logline_prefix(const struct buildlog_line *line, char out[LOGLINE_PREFIX_SIZE])
{
    size_t len = 0;
    if (line->number > 0) {
        out[len++] = '#';
        len += put_number(out + len, (uint32_t)line->number, 1);
        out[len++] = ' ';
    }
    if (line->decimals > 0) {
        size_t point, decimals = (size_t)line->decimals;
        len += put_number(out + len, line->time, line->decimals + 1);
        point = len - decimals;
        memmove(out + point + 1, out + point, decimals);
        out[point] = '.';
        len++;
        out[len++] = ' ';
    }
    return len;
}

void logline_append(struct buf *out, const struct buildlog_line *line)
{
    char prefix[LOGLINE_PREFIX_SIZE];
    buf_append(out, prefix, logline_prefix(line, prefix));
    buf_append(out, line->text, line->len);
}
