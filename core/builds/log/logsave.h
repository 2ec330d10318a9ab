/* Writes a log to a file, away from the loop, however long it is. */
#ifndef BILGE_BUILDS_LOG_LOGSAVE_H
#define BILGE_BUILDS_LOG_LOGSAVE_H

#include <stdint.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/builds/log/buildlog.h"

struct logsave;

struct logsave_result {
    uint64_t lines; /* written */
    uint64_t gone;  /* lines that the log had let go before they could be */
};
/* Once, on the loop; NULL err: it is all there. After an error there is no file. */
typedef void logsave_cb(void *arg, const struct logsave_result *result, const struct err *err);

/* The lines that there are now, those of the filter (NULL: all). Never
 * overwrites a file, follows no link; the file is its owner's alone, for a log
 * has whatever the build printed. The object frees itself after on_done.
 * When the log is freed meanwhile that is an error: half a log is none. */
struct logsave *logsave_start(uv_loop_t *loop, struct buildlog *log, const char *path,
                              const struct logfilter *filter, logsave_cb *on_done, void *arg);
/* on_done will not run; what was written goes. Not after on_done. */
void logsave_cancel(struct logsave *save);

#endif
