/* The words of one line of BuildKit's plain progress. Pure. */
#ifndef BILGE_BUILDS_PROGRESS_SPAN_H
#define BILGE_BUILDS_PROGRESS_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/builds/log/logline.h"

/* A piece of a line: borrowed, not NUL-terminated. */
struct span {
    const char *text;
    size_t len;
};

bool span_is(struct span span, const char *text);
bool span_starts(struct span span, const char *prefix);
/* These cut something off the end; false, and nothing is cut, when it is not
 * there: a text; the last word as seconds, "22.9s"; the last word as a size,
 * "1.05MB". A word goes with the space before it. */
bool span_cut_end(struct span *span, const char *suffix);
bool span_cut_seconds(struct span *span, int64_t *ret_ms);
bool span_cut_size(struct span *span, int64_t *ret_bytes);

/* "#12 rest": the number, 0 when the line is none of these. */
int plain_number(const char *line, size_t len, struct span *ret_rest);
/* What follows the number: "0.42 text" or "0.42", a time with decimals, then
 * output. */
bool plain_is_output(struct span rest);
/* Cuts "0.42 " off the front, if it is written just as BuildKit does: the time
 * in units of 10^-decimals seconds. */
static inline bool plain_cut_time(struct span *rest, uint32_t *ret_time, int *ret_decimals)
{
    const char *text = rest->text;
    size_t at = 0, most = rest->len < 10 ? rest->len : 10, point;
    uint32_t time = 0;
    for (; at < most && text[at] >= '0' && text[at] <= '9'; at++)
        time = time * 10 + (uint32_t)(text[at] - '0');
    point = at;
    if (point == 0 || (point > 1 && text[0] == '0') || at >= most || text[at] != '.')
        return false;
    for (at++; at < most && text[at] >= '0' && text[at] <= '9'; at++)
        time = time * 10 + (uint32_t)(text[at] - '0');
    if (at == point + 1 || at >= rest->len || text[at] != ' ')
        return false;
    *ret_time = time;
    *ret_decimals = (int)(at - point - 1);
    rest->text += at + 1;
    rest->len -= at + 1;
    return true;
}
/* Cuts "#12 " off the front, if it is written just as BuildKit does. */
bool plain_cut_number(struct span *line, int *ret_number);
/* What follows the number, and is no output. */
enum log_kind plain_event_kind(struct span rest);

#endif
