#include "tui/log_line.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool starts(const struct buildlog_line *line, size_t at, const char *prefix)
{
    size_t len = strlen(prefix);
    return line->len >= at + len && memcmp(line->text + at, prefix, len) == 0;
}

/* "#12 ": its bytes; 0: it is another line. */
static size_t number_len(const struct buildlog_line *line)
{
    size_t at = 1;
    if (line->len < 3 || line->text[0] != '#')
        return 0;
    while (at < line->len && isdigit((unsigned char)line->text[at]))
        at++;
    return at > 1 && at < line->len && line->text[at] == ' ' ? at + 1 : 0;
}

static enum log_kind kind_of_event(const struct buildlog_line *line, size_t at)
{
    return starts(line, at, "ERROR")    ? LOG_ERROR
           : starts(line, at, "WARN: ") ? LOG_WARNING
           : starts(line, at, "[")      ? LOG_NAME
                                        : LOG_EVENT;
}

/* "   5 | >>> RUN make" */
static bool is_marked(const struct buildlog_line *line)
{
    size_t most = line->len < 16 ? line->len : 16;
    return most > 0 && line->text[0] == ' ' && memmem(line->text, most, " | >>>", 6) != NULL;
}

static enum log_kind kind_of_other(const struct buildlog_line *line)
{
    static const char *const errors[] = {"failed to solve", "ERROR: ", "Error: ", "Error response"};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (starts(line, 0, errors[i]))
            return LOG_ERROR;
    return is_marked(line) ? LOG_ERROR : starts(line, 0, "Step ") ? LOG_NAME : LOG_OTHER;
}

void log_line_read(struct log_line *line, const struct buildlog_line *raw, bool times)
{
    struct buildlog_line shown = *raw, bare = *raw;
    size_t number = number_len(raw);
    buildlog_strip_line(&bare);
    line->prefix = (size_t)(bare.text - raw->text);
    if (line->prefix > 0) {
        bool clipped = memmem(bare.text, bare.len, "[output clipped, ", 17) != NULL;
        line->kind = clipped ? LOG_CLIPPED : LOG_OUTPUT;
        if (!times)
            shown = bare;
    } else {
        line->kind = number > 0 ? kind_of_event(raw, number) : kind_of_other(raw);
        line->prefix = number;
    }
    if (!times && (line->kind == LOG_OUTPUT || line->kind == LOG_CLIPPED))
        line->prefix = 0;
    sgr_parse(&line->text, shown.text,
              shown.len < LOG_LINE_SHOWN_MAX ? shown.len : LOG_LINE_SHOWN_MAX);
    /* What overwrites its line has done so with the prefix, too. */
    if (line->prefix > line->text.text.len || memchr(shown.text, '\r', shown.len) != NULL)
        line->prefix = 0;
}

void log_line_done(struct log_line *line)
{
    sgr_done(&line->text);
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
