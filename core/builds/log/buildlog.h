/* The log of a build: lines in the order of arrival, in a ring of bounded
 * size. The oldest lines give way when it is full: to a file, if there is one. */
#ifndef BILGE_BUILDS_LOG_BUILDLOG_H
#define BILGE_BUILDS_LOG_BUILDLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/builds/log/logfilter.h"
#include "core/builds/log/logline.h"

struct buildlog;

/* Bytes and line index together stay below max_bytes (at least 64 KiB). Memory
 * is taken as it is needed. */
struct buildlog *buildlog_new(size_t max_bytes);
/* Also while its file is being worked on; no callback runs any more. */
void buildlog_free(struct buildlog *log);

/* From now on, lines that memory has no room for go to a file without a name in
 * this directory, and can still be read. Without one (NULL, or it can't be
 * written) the oldest lines are lost; when the disk gets full, the oldest of the
 * file are. The file is only ever touched by the loop's thread pool. */
void buildlog_spill_to(struct buildlog *log, uv_loop_t *loop, const char *directory);
/* Why lines were lost, or will be, that should have gone to the file; 0: none. */
int buildlog_spill_error(const struct buildlog *log);

/* Runs when lines that were BUILDLOG_LOADING are there, or can't be had. */
void buildlog_on_loaded(struct buildlog *log, void (*on_loaded)(void *arg), void *arg);

/* The file is slower than what comes. Nothing is lost when more is added, but
 * memory grows beyond the bound: who can, waits until on_room has run. */
bool buildlog_is_behind(const struct buildlog *log);
void buildlog_on_room(struct buildlog *log, void (*on_room)(void *arg), void *arg);

/* Runs inside buildlog_add() before lines are lost for want of a file, so that
 * who passes them on can do so first. It must add none. */
void buildlog_on_full(struct buildlog *log, void (*on_full)(void *arg), void *arg);

/* Copies the line. One longer than 1/32 of the bound (at most 512 KiB) becomes
 * several; only the first of them has a number and a time. */
void buildlog_add(struct buildlog *log, const struct buildlog_line *line);
/* The same for several lines of one step. */
void buildlog_add_lines(struct buildlog *log, const struct buildlog_line *lines, size_t count);

/* Lines are numbered from 0 for ever; those in [first, end) can be read. */
uint64_t buildlog_first(const struct buildlog *log);
uint64_t buildlog_end(const struct buildlog *log);
/* Those before this one are in the file alone. */
uint64_t buildlog_first_in_memory(const struct buildlog *log);

enum {
    BUILDLOG_GONE = -1,   /* that line is not there (any more) */
    BUILDLOG_LOADING = 1, /* it is being read from the file: on_loaded will run */
};
/* 0, BUILDLOG_GONE or BUILDLOG_LOADING. What was asked for last is kept in
 * memory, a few screens full of it. The text of the line is valid until the next
 * buildlog_add(), _get() or _seek(), and until the loop goes on. */
int buildlog_get(const struct buildlog *log, uint64_t number, struct buildlog_line *ret_line);

/* The same for a line that is shown again and again while others are read: the
 * last one of a step. Only the last 4 KiB of its text are sure to be there. */
int buildlog_glance(const struct buildlog *log, uint64_t number, struct buildlog_line *ret_line);

/* The nearest line from `from` on (direction 1) or back (-1), `from` included,
 * that the filter takes. 0; BUILDLOG_GONE: there is none; BUILDLOG_LOADING: as
 * above, ask again. Costs little, however far away that line is. */
int buildlog_seek(const struct buildlog *log, const struct logfilter *filter, uint64_t from,
                  int direction, uint64_t *ret_number);
/* How many lines the filter takes, those that have gone included. */
uint64_t buildlog_count(const struct buildlog *log, const struct logfilter *filter);

#endif
