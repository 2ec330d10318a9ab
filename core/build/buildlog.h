/* The log of a build: lines in the order of arrival, in a ring of bounded
 * size. The oldest lines give way when it is full: to a file, if there is one. */
#ifndef BILGE_BUILD_BUILDLOG_H
#define BILGE_BUILD_BUILDLOG_H

#include <stddef.h>
#include <stdint.h>

struct buildlog;

/* Bytes and line index together stay below max_bytes (at least 64 KiB). Memory
 * is taken as it is needed. */
struct buildlog *buildlog_new(size_t max_bytes);
void buildlog_free(struct buildlog *log);

/* From now on, lines that memory has no room for go to a file without a name in
 * this directory, and can still be read. Without one (NULL, or it can't be
 * written, or the disk gets full) the oldest lines are lost. */
void buildlog_spill_to(struct buildlog *log, const char *directory);
/* Why lines were lost that should have gone to the file; 0: nothing was. */
int buildlog_spill_error(const struct buildlog *log);

/* One line without its newline, raw bytes; a line longer than 1/32 of the
 * bound (at most 512 KiB) becomes several. `step`: the number of the step that
 * it belongs to, 0: none. `stream`: 1 stdout, 2 stderr. */
void buildlog_add(struct buildlog *log, int step, int stream, const char *line, size_t len);

/* The same for several lines at once, each with its newline: line i ends before
 * text[ends[i]]. Uses up `ends`. */
void buildlog_add_lines(struct buildlog *log, int step, int stream, const char *text,
                        uint32_t *ends, size_t count);

/* Lines are numbered from 0 for ever; those in [first, end) can be read. */
uint64_t buildlog_first(const struct buildlog *log);
uint64_t buildlog_end(const struct buildlog *log);

struct buildlog_line {
    const char *text; /* not NUL-terminated; valid until the next buildlog_add() or _get() */
    size_t len;
    int step;
    int stream;
};
/* 0, or -1 when that line is not there (any more). */
int buildlog_get(const struct buildlog *log, uint64_t number, struct buildlog_line *ret_line);

#endif
