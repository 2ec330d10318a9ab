#include "core/builds/log/logmatch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/escape.h"
#include "core/base/mem.h"

struct logmatch {
    unsigned refs;
    char *text;
    size_t len;
    bool exact_case, bare;
    bool in_prefix; /* it may stand, or begin, in what is shown before a line */
    struct logfilter filter;
};

struct logmatch *logmatch_new(const struct logscan_query *query)
{
    struct logmatch *match = mem_zalloc(sizeof *match);
    match->refs = 1;
    match->text = mem_strdup(query->text);
    match->len = strlen(query->text);
    match->exact_case = query->exact_case;
    match->bare = query->bare;
    match->in_prefix = match->len > 0 && strchr("#0123456789. ", match->text[0]) != NULL;
    if (query->filter != NULL)
        match->filter = logfilter_copy(query->filter);
    return match;
}

struct logmatch *logmatch_ref(struct logmatch *match)
{
    match->refs++;
    return match;
}

void logmatch_unref(struct logmatch *match)
{
    if (match == NULL || --match->refs > 0)
        return;
    logfilter_done(&match->filter);
    free(match->text);
    free(match);
}

const struct logfilter *logmatch_filter(const struct logmatch *match)
{
    return &match->filter;
}

/* -------------------------------------------------------------------- a text */

/* memchr() is so much faster than any loop of ours that two of them are, too:
 * each first letter is sought by its own, and the nearer one tried. */
static const char *find_any_case(const char *text, size_t len, const char *sought,
                                 size_t sought_len)
{
    int lower = tolower((unsigned char)sought[0]), upper = toupper((unsigned char)sought[0]);
    const char *end = text + len;
    const char *next[2] = {memchr(text, lower, len),
                           lower != upper ? memchr(text, upper, len) : NULL};
    while (next[0] != NULL || next[1] != NULL) {
        int which = next[0] == NULL || (next[1] != NULL && next[1] < next[0]);
        const char *at = next[which];
        if ((size_t)(end - at) < sought_len)
            return NULL;
        if (strncasecmp(at, sought, sought_len) == 0)
            return at;
        next[which] = memchr(at + 1, which == 0 ? lower : upper, (size_t)(end - at) - 1);
    }
    return NULL;
}

static const char *find(const struct logmatch *match, const char *text, size_t len)
{
    return match->exact_case ? memmem(text, len, match->text, match->len)
                             : find_any_case(text, len, match->text, match->len);
}

/* ----------------------------------------------------------------- its lines */

static void add_line(struct logmatch_lines *lines, uint32_t line)
{
    mem_reserve((void **)&lines->items, &lines->cap, lines->len + 1, sizeof *lines->items);
    lines->items[lines->len++] = line;
}

/* All lines are texts as they are, one after the other. */
static void look_at_all(const struct logmatch *match, const struct logblock *block, uint32_t from,
                        uint32_t to, struct logmatch_lines *lines)
{
    while (from < to) {
        uint32_t start = logblock_start(block, from), end = logblock_end(block, to - 1);
        const char *found = find(match, block->text + start, end - start);
        if (found == NULL)
            return;
        uint32_t line = logblock_line_at(block, to, (uint32_t)(found - block->text));
        add_line(lines, line);
        from = line + 1;
    }
}

static void strip_escapes(struct buf *buf, const char *text, size_t len)
{
    while (len > 0) {
        const char *escape = memchr(text, '\033', len);
        size_t plain = escape != NULL ? (size_t)(escape - text) : len;
        buf_append(buf, text, plain);
        text += plain;
        len -= plain;
        struct escape_colour colour;
        size_t used = len > 0 ? escape_length(text, len, &colour) : 0;
        used = len > 0 && used == 0 ? 1 : used;
        text += used;
        len -= used;
    }
}

static void look_one_by_one(const struct logmatch *match, const struct logblock *block,
                            uint32_t from, uint32_t to, struct logmatch_lines *lines)
{
    struct buf plain = {0};
    char before[LOGLINE_PREFIX_SIZE];
    for (uint32_t i = from; i < to; i++) {
        struct buildlog_line line = logblock_line(block, i);
        if (!logfilter_takes(&match->filter, line.step))
            continue;
        bool escapes = memchr(line.text, '\033', line.len) != NULL;
        bool prefix = match->in_prefix && !(match->bare && logline_is_output(&line));
        if (escapes || prefix) {
            buf_clear(&plain);
            if (prefix)
                buf_append(&plain, before, logline_prefix(&line, before));
            strip_escapes(&plain, line.text, line.len);
            line.text = plain.data;
            line.len = plain.len;
        }
        if (line.len >= match->len && find(match, line.text, line.len) != NULL)
            add_line(lines, i);
    }
    buf_done(&plain);
}

void logmatch_look(const struct logmatch *match, const struct logblock *block, uint32_t from,
                   uint32_t to, struct logmatch_lines *ret_lines)
{
    *ret_lines = (struct logmatch_lines){0};
    if (from >= to || match->len == 0 || strchr(match->text, '\n') != NULL)
        return;
    uint32_t start = logblock_start(block, from), end = logblock_end(block, to - 1);
    bool as_they_are = logfilter_takes_all(&match->filter) && !match->in_prefix &&
                       memchr(block->text + start, '\033', end - start) == NULL;
    if (as_they_are)
        look_at_all(match, block, from, to, ret_lines);
    else
        look_one_by_one(match, block, from, to, ret_lines);
}
