/* A line of a build's log as it is shown: its clean text and colours, and where
 * a text stands in it. Pure. */
#ifndef BILGE_TUI_LOG_LINE_H
#define BILGE_TUI_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/builds/build.h"
#include "tui/kit/sgr.h"

struct log_line {
    struct sgr_line text;
    enum log_kind kind;
    size_t prefix;  /* bytes of it that stand before the text of the line: "#5 0.42 " */
    struct buf raw; /* both, before they were made clean */
};

/* A line may be half a megabyte; nobody reads on here. Saved it is whole. */
#define LOG_LINE_SHOWN_MAX (64 * 1024)

/* Fills an all-zero or used line anew. Without `times`, nothing stands before
 * the text of output. */
void log_line_read(struct log_line *line, const struct buildlog_line *raw, bool times);
void log_line_done(struct log_line *line);

/* Letters in the text sought that are upper case: then case counts. */
bool log_case_counts(const char *sought);
/* The first place at or after `from`; NULL: none. */
const char *log_find_text(const char *text, size_t len, size_t from, const char *sought,
                          bool exact_case);

#endif
