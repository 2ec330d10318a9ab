#include "core/base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

const char *text_size(char out[TEXT_SIZE_SIZE], int64_t bytes)
{
    static const char units[] = "BkMGTPE";
    double amount = fabs((double)bytes);
    const char *sign = bytes < 0 ? "-" : "";
    int unit = 0;
    /* 999.5 would print as "1000", so it already belongs to the next unit. */
    while (amount >= 999.5 && units[unit + 1] != '\0') {
        amount /= 1000;
        unit++;
    }
    if (unit == 0) {
        snprintf(out, TEXT_SIZE_SIZE, "%s%.0f B", sign, amount);
        return out;
    }
    int decimals = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
    snprintf(out, TEXT_SIZE_SIZE, "%s%.*f %cB", sign, decimals, amount, units[unit]);
    return out;
}

const char *text_age(char out[TEXT_AGE_SIZE], int64_t seconds)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 60)
        snprintf(out, TEXT_AGE_SIZE, "%d s", (int)seconds);
    else if (seconds < 3600)
        snprintf(out, TEXT_AGE_SIZE, "%d m", (int)(seconds / 60));
    else if (seconds < 48 * 3600)
        snprintf(out, TEXT_AGE_SIZE, "%d h", (int)(seconds / 3600));
    else
        snprintf(out, TEXT_AGE_SIZE, "%lld d", (long long)(seconds / 86400));
    return out;
}

const char *text_duration(char out[TEXT_AGE_SIZE], int64_t milliseconds)
{
    if (milliseconds < 0)
        milliseconds = 0;
    int64_t seconds = milliseconds / 1000;
    if (seconds < 10)
        snprintf(out, TEXT_AGE_SIZE, "%d.%d s", (int)seconds, (int)(milliseconds % 1000 / 100));
    else if (seconds < 60)
        snprintf(out, TEXT_AGE_SIZE, "%d s", (int)seconds);
    else if (seconds < 3600)
        snprintf(out, TEXT_AGE_SIZE, "%d m %02d s", (int)(seconds / 60), (int)(seconds % 60));
    else
        snprintf(out, TEXT_AGE_SIZE, "%lld h %02d m", (long long)(seconds / 3600),
                 (int)(seconds / 60 % 60));
    return out;
}

static bool size_unit(const char *unit, int64_t *ret_factor)
{
    static const char prefixes[] = "kmgtp";
    int64_t factor = 1;
    if (*unit == '\0')
        return false;
    if (tolower((unsigned char)*unit) != 'b') {
        const char *prefix = strchr(prefixes, tolower((unsigned char)*unit));
        if (prefix == NULL)
            return false;
        unit++;
        bool iec = *unit == 'i' || *unit == 'I';
        unit += iec;
        for (const char *p = prefixes; p <= prefix; p++)
            factor *= iec ? 1024 : 1000;
    }
    if (*unit == 'b' || *unit == 'B')
        unit++;
    *ret_factor = factor;
    return *unit == '\0';
}

/* Digits without a point; false when it does not fit. */
static bool take_whole(const char **text, int64_t *ret_number)
{
    int64_t number = 0;
    if (!isdigit((unsigned char)**text))
        return false;
    for (; isdigit((unsigned char)**text); (*text)++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, **text - '0', &number))
            return false;
    *ret_number = number;
    return true;
}

/* "" or ".5": the part of one that stands behind the point. Not strtod():
 * the user's locale may have another point. */
static bool take_part(const char **text, double *ret_part)
{
    double part = 0, unit = 0.1;
    if (**text == '.') {
        (*text)++;
        if (!isdigit((unsigned char)**text))
            return false;
        for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
            part += (**text - '0') * unit;
    }
    *ret_part = part;
    return true;
}

bool text_parse_size(const char *text, int64_t *ret_bytes)
{
    int64_t whole, factor, bytes;
    double part;
    if (!take_whole(&text, &whole) || !take_part(&text, &part))
        return false;
    text += text[0] == ' ' && text[1] != '\0';
    if (!size_unit(text, &factor) || __builtin_mul_overflow(whole, factor, &bytes) ||
        __builtin_add_overflow(bytes, (int64_t)(part * (double)factor + 1e-6), &bytes))
        return false;
    *ret_bytes = bytes;
    return true;
}

static int64_t age_unit(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 7 * 86400;
    default:
        return 0;
    }
}

bool text_parse_age(const char *text, int64_t *ret_seconds)
{
    int64_t total = 0;
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        if (!isdigit((unsigned char)*text))
            return false;
        int64_t number = 0;
        for (; isdigit((unsigned char)*text); text++) {
            number = number * 10 + (*text - '0');
            if (number > INT64_C(1000000000000))
                return false;
        }
        int64_t unit = age_unit(*text++);
        if (unit == 0)
            return false;
        total += number * unit;
        if (total > INT64_C(100000000000)) /* 3,000 years */
            return false;
    }
    *ret_seconds = total;
    return true;
}

/* A number alone? Only the unit is missing then. */
static bool is_bare_number(const char *text)
{
    int64_t whole;
    double part;
    return take_whole(&text, &whole) && take_part(&text, &part) && *text == '\0';
}

static char *refusal(const char *text, const char *what, const char *unit, const char *examples)
{
    if (!is_bare_number(text))
        return mem_printf("\"%s\" is not %s such as %s", text, what, examples);
    /* "0GB" and "1073741824GB" would be no help. */
    const char *number = text[0] != '0' && strlen(text) <= 4 ? text : "10";
    return mem_printf("%s what? such as %s%s", text, number, unit);
}

char *text_size_refusal(const char *text)
{
    return refusal(text, "a size", "GB", "500MB, 10GB, 2GiB");
}

char *text_age_refusal(const char *text)
{
    return refusal(text, "an age", "d", "90s, 15m, 24h, 7d, 2w");
}

size_t text_decode(const char *bytes, size_t len, uint32_t *ret_rune)
{
    const unsigned char *text = (const unsigned char *)bytes;
    if (text[0] < 0x80) {
        *ret_rune = text[0];
        return 1;
    }
    size_t need = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (need == 0 || text[0] > 0xf4 || need > len)
        return 0;
    uint32_t rune = text[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        rune = rune << 6 | (text[i] & 0x3fu);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (rune < smallest[need] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        return 0;
    *ret_rune = rune;
    return need;
}

bool text_is_disruptive(uint32_t rune)
{
    return rune < 0x20 || (rune >= 0x7f && rune < 0xa0) || (rune >= 0x200b && rune <= 0x200f) ||
           rune == 0x061c || (rune >= 0x2028 && rune <= 0x202e) ||
           (rune >= 0x2060 && rune <= 0x206f) || rune == 0xfeff ||
           (rune >= 0xfff0 && rune <= 0xfffb) || (rune & 0xfffe) == 0xfffe || rune >= 0xe0000;
}

void text_clean(struct buf *buf, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        size_t plain = i;
        while (plain < len && bytes[plain] >= 0x20 && bytes[plain] < 0x7f)
            plain++;
        if (plain > i) {
            buf_append(buf, text + i, plain - i);
            i = plain;
            continue;
        }
        uint32_t rune;
        size_t used = text_decode(text + i, len - i, &rune);
        if (used == 0 || (used == 1 && rune != '\t'))
            buf_printf(buf, "\\x%02x", bytes[i]);
        else if (rune == '\t')
            buf_append(buf, " ", 1);
        else if (text_is_disruptive(rune))
            buf_printf(buf, "\\u{%04x}", (unsigned)rune);
        else
            buf_append(buf, text + i, used);
        i += used > 0 ? used : 1;
    }
    buf_append(buf, "", 0);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

void text_clean_name(struct buf *buf, const char *name)
{
    size_t len = strlen(name);
    const char *quote = len == 0 || is_blank(name[0]) || is_blank(name[len - 1]) ? "\"" : "";
    buf_append_str(buf, quote);
    text_clean(buf, name, len);
    buf_append_str(buf, quote);
}

size_t text_fit(const char *text, size_t columns, size_t *ret_columns)
{
    size_t used = 0, bytes = 0;
    size_t len = strlen(text);
    while (bytes < len) {
        uint32_t rune;
        size_t step = text_decode(text + bytes, len - bytes, &rune);
        int width = step == 0 ? 1 : step == 1 ? 1 : wcwidth((wchar_t)rune);
        if (width < 0)
            width = 1;
        if (used + (size_t)width > columns)
            break;
        used += (size_t)width;
        bytes += step > 0 ? step : 1;
    }
    if (ret_columns != NULL)
        *ret_columns = used;
    return bytes;
}

size_t text_width(const char *text)
{
    size_t columns;
    text_fit(text, SIZE_MAX, &columns);
    return columns;
}

char *text_shorten(const char *text, size_t columns)
{
    struct buf buf = {0};
    /* Each column takes at most a handful of bytes: what lies far behind the
     * cut need not be looked at. */
    text_clean(&buf, text, strnlen(text, columns * 8));
    char *clean = buf_take(&buf);
    size_t fits = text_fit(clean, columns, NULL);
    if (clean[fits] == '\0')
        return clean;
    clean[text_fit(clean, columns - 3, NULL)] = '\0';
    char *cut = mem_printf("%s...", clean);
    free(clean);
    return cut;
}
