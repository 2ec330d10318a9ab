/* A text sought in the whole of a log, however long it is and wherever its
 * lines are: away from the loop, piece by piece, the lines that come meanwhile
 * included. What is known so far can be asked for at any time. */
#ifndef BILGE_BUILDS_LOG_LOGSCAN_H
#define BILGE_BUILDS_LOG_LOGSCAN_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "core/builds/log/buildlog.h"

struct logscan;

/* Runs on the loop, never before the function that caused it has returned: the
 * counts have moved, or what logscan_find() was asked for is known now. */
typedef void logscan_cb(void *arg);

struct logscan_query {
    const char *text;               /* raw bytes */
    bool exact_case;                /* else the case of ASCII letters is ignored */
    const struct logfilter *filter; /* only these lines; NULL: all */
    bool bare;                      /* not in what is shown before output ("#5 0.42 ") */
};

/* Starts at once. The query is copied, the log borrowed: when it is freed first,
 * the scan finds nothing any more. Colours and other escape sequences in a line
 * are no part of its text. */
struct logscan *logscan_new(uv_loop_t *loop, struct buildlog *log,
                            const struct logscan_query *query, logscan_cb *on_moved, void *arg);
/* Seeks something else: what was known is forgotten, what is under way dropped. */
void logscan_restart(struct logscan *scan, const struct logscan_query *query);
/* The callback will not run any more. NULL is fine. */
void logscan_free(struct logscan *scan);
/* Looks at the lines that have come since, too: call it when the build has
 * moved. Costs nothing when none have. */
void logscan_continue(struct logscan *scan);

struct logscan_counts {
    uint64_t matches;    /* lines, of those looked at so far */
    uint64_t looked;     /* lines looked at */
    bool over;           /* all that are there have been */
    uint64_t generation; /* of the query: each restart is a new one */
};
struct logscan_counts logscan_counts(const struct logscan *scan);

/* The nearest matching line from `from` on (direction 1) or back (-1), `from`
 * included. 0; BUILDLOG_GONE: there is none (yet); BUILDLOG_LOADING: not known
 * yet, but looked for before all else: ask again in on_moved. */
int logscan_find(struct logscan *scan, uint64_t from, int direction, uint64_t *ret_number);
/* How many matching lines stand before this one; false: not known yet. */
bool logscan_rank(struct logscan *scan, uint64_t number, uint64_t *ret_rank);

#endif
