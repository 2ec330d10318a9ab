/* Which lines of a block hold a text. Pure, and never changes once made, so
 * that any thread may ask. */
#ifndef BILGE_BUILDS_LOG_LOGMATCH_H
#define BILGE_BUILDS_LOG_LOGMATCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/builds/log/logblock.h"
#include "core/builds/log/logscan.h"

struct logmatch;

/* With one reference; they are counted on the loop. */
struct logmatch *logmatch_new(const struct logscan_query *query);
struct logmatch *logmatch_ref(struct logmatch *match);
void logmatch_unref(struct logmatch *match);
const struct logfilter *logmatch_filter(const struct logmatch *match);

/* The lines of the block that match, of those from `from` up to before `to`. */
struct logmatch_lines {
    uint32_t *items; /* in order */
    size_t len, cap;
};
void logmatch_look(const struct logmatch *match, const struct logblock *block, uint32_t from,
                   uint32_t to, struct logmatch_lines *ret_lines);

#endif
