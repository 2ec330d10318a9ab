#include "core/builds/progress/span.h"

#include <string.h>

#include "core/base/text.h"
#include "core/builds/build.h"

bool span_is(struct span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.text, text, span.len) == 0;
}

bool span_starts(struct span span, const char *prefix)
{
    size_t len = strlen(prefix);
    return span.len >= len && memcmp(span.text, prefix, len) == 0;
}

bool span_cut_end(struct span *span, const char *suffix)
{
    size_t len = strlen(suffix);
    if (span->len < len || memcmp(span->text + span->len - len, suffix, len) != 0)
        return false;
    span->len -= len;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "#12 rest": the number, 0 when the line is none of these. */
int plain_number(const char *line, size_t len, struct span *ret_rest)
{
    int number = 0;
    size_t i = 1;
    if (len < 3 || line[0] != '#')
        return 0;
    for (; i < len && is_digit(line[i]); i++) {
        number = number * 10 + (line[i] - '0');
        if (number > BUILD_STEPS_MAX)
            return 0;
    }
    if (i >= len || line[i] != ' ')
        return 0;
    *ret_rest = (struct span){line + i + 1, len - i - 1};
    return number;
}

/* "0.42 text" and "0.42": a time with decimals, then output. */
bool plain_is_output(struct span rest)
{
    size_t i = 0;
    while (i < rest.len && is_digit(rest.text[i]))
        i++;
    if (i == 0 || i + 1 >= rest.len || rest.text[i] != '.' || !is_digit(rest.text[i + 1]))
        return false;
    for (i++; i < rest.len && is_digit(rest.text[i]);)
        i++;
    return i == rest.len || rest.text[i] == ' ';
}

bool plain_cut_number(struct span *line, int *ret_number)
{
    uint32_t number = 0;
    size_t end = 1;
    if (line->len < 3 || line->text[0] != '#' || line->text[1] == '0')
        return false;
    for (; end < line->len && end < 8 && is_digit(line->text[end]); end++)
        number = number * 10 + (uint32_t)(line->text[end] - '0');
    if (end == 1 || end >= line->len || line->text[end] != ' ' || number > BUILD_STEPS_MAX)
        return false;
    *ret_number = (int)number;
    line->text += end + 1;
    line->len -= end + 1;
    return true;
}

enum log_kind plain_event_kind(struct span rest)
{
    static const char *const states[] = {"DONE", "CACHED", "CANCELED", "..."};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (span_starts(rest, states[i]))
            return LOG_STATE;
    return span_starts(rest, "ERROR")    ? LOG_ERROR
           : span_starts(rest, "WARN: ") ? LOG_WARNING
           : span_starts(rest, "[")      ? LOG_NAME
                                         : LOG_EVENT;
}

/* "22.9" in milliseconds; not strtod(), which heeds the locale. */
static bool parse_seconds(const char *text, size_t len, int64_t *ret_ms)
{
    int64_t ms = 0, scale = 1000;
    bool fraction = false;
    if (len == 0 || len > 12 || !is_digit(text[0]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && !fraction) {
            fraction = true;
        } else if (!is_digit(text[i])) {
            return false;
        } else if (fraction) {
            scale /= 10;
            ms += (text[i] - '0') * scale;
        } else {
            ms = ms * 10 + (text[i] - '0') * INT64_C(1000);
        }
    }
    *ret_ms = ms;
    return true;
}

/* The last word as seconds, "22.9s", cut off with the space before it. */
bool span_cut_seconds(struct span *span, int64_t *ret_ms)
{
    const char *space = memrchr(span->text, ' ', span->len);
    if (space == NULL)
        return false;
    size_t len = (size_t)(span->text + span->len - space) - 1;
    if (len < 2 || space[len] != 's' || !parse_seconds(space + 1, len - 1, ret_ms))
        return false;
    span->len = (size_t)(space - span->text);
    return true;
}

/* The last word as a size, "1.05MB", cut off with the space before it. */
bool span_cut_size(struct span *span, int64_t *ret_bytes)
{
    const char *space = memrchr(span->text, ' ', span->len);
    char word[24];
    if (space == NULL)
        return false;
    size_t len = (size_t)(span->text + span->len - space) - 1;
    if (len < 2 || len >= sizeof word || space[len] != 'B')
        return false;
    memcpy(word, space + 1, len);
    word[len] = '\0';
    if (!text_parse_size(word, ret_bytes))
        return false;
    span->len = (size_t)(space - span->text);
    return true;
}
