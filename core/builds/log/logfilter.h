/* Whose lines of a log are wanted: those of some steps. All zero takes every
 * line. */
#ifndef BILGE_BUILDS_LOG_LOGFILTER_H
#define BILGE_BUILDS_LOG_LOGFILTER_H

#include <stdbool.h>
#include <stddef.h>

struct logfilter {
    unsigned char *bits; /* one a step; NULL: every line is taken */
    size_t len;          /* of bits, in bytes */
};

/* Takes the lines of this step (0: those of none), too. From the first call on
 * only what was added is taken. Steps below 0 are taken for 0. */
void logfilter_add(struct logfilter *filter, int step);
bool logfilter_takes(const struct logfilter *filter, int step);
bool logfilter_takes_all(const struct logfilter *filter);
bool logfilter_equals(const struct logfilter *a, const struct logfilter *b);
struct logfilter logfilter_copy(const struct logfilter *filter);
void logfilter_done(struct logfilter *filter);

#endif
