#include "tui/log_line.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void log_line_read(struct log_line *line, const struct buildlog_line *raw, bool times)
{
    char prefix[LOGLINE_PREFIX_SIZE];
    bool bare = !times && logline_is_output(raw);
    line->kind = raw->kind;
    line->prefix = bare ? 0 : logline_prefix(raw, prefix);
    size_t most = LOG_LINE_SHOWN_MAX - line->prefix;
    buf_clear(&line->raw);
    buf_append(&line->raw, prefix, line->prefix);
    buf_append(&line->raw, raw->text, raw->len < most ? raw->len : most);
    sgr_parse(&line->text, line->raw.data, line->raw.len);
    /* What overwrites its line has done so with the prefix, too. */
    if (line->prefix > line->text.text.len || memchr(line->raw.data, '\r', line->raw.len) != NULL)
        line->prefix = 0;
}

void log_line_done(struct log_line *line)
{
    sgr_done(&line->text);
    buf_done(&line->raw);
}

bool log_case_counts(const char *sought)
{
    for (; *sought != '\0'; sought++)
        if (isupper((unsigned char)*sought))
            return true;
    return false;
}

const char *log_find_text(const char *text, size_t len, size_t from, const char *sought,
                          bool exact_case)
{
    size_t sought_len = strlen(sought);
    if (sought_len == 0 || from > len)
        return NULL;
    if (exact_case)
        return memmem(text + from, len - from, sought, sought_len);
    int first = tolower((unsigned char)sought[0]);
    for (size_t i = from; i + sought_len <= len; i++)
        if (tolower((unsigned char)text[i]) == first &&
            strncasecmp(text + i, sought, sought_len) == 0)
            return text + i;
    return NULL;
}
