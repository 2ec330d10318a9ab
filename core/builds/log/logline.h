/* A line of a build's log: its text, and what is known of it. What people see
 * before the text, "#5 0.42 ", is made of that and never read out of text. */
#ifndef BILGE_BUILDS_LOG_LOGLINE_H
#define BILGE_BUILDS_LOG_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/mem.h"

enum log_kind {
    LOG_OTHER,   /* said by a tool, of no step or of the builder before BuildKit */
    LOG_NAME,    /* an instruction begins: "[api 2/4] RUN make" */
    LOG_EVENT,   /* "sha256:… done" */
    LOG_STATE,   /* "DONE 1.2s", "CACHED", "CANCELED", "..." */
    LOG_OUTPUT,  /* printed by the command of a step, whatever it looks like */
    LOG_ERROR,   /* "ERROR: …", "failed to solve: …", the marked line of an excerpt */
    LOG_WARNING, /* "WARN: …" */
    LOG_CLIPPED, /* the engine has left out the output that came here */
};

#define LOGLINE_STEP_MAX UINT16_MAX
struct buildlog_line {
    const char *text; /* raw bytes without a newline; not NUL-terminated */
    size_t len;
    int step;   /* that it belongs to, up to LOGLINE_STEP_MAX; 0: none */
    int number; /* by which the tool calls that step; compose 1 counts anew for each
                 * service. 0: the line is shown without one */
    int stream; /* 1 stdout, 2 stderr */
    enum log_kind kind;
    uint32_t time; /* of output, since its step began: in units of 10^-decimals seconds */
    int decimals;  /* up to LOGLINE_DECIMALS_MAX; 0: the time is not known */
};

static inline bool logline_is_output(const struct buildlog_line *line)
{
    return line->kind == LOG_OUTPUT || line->kind == LOG_CLIPPED;
}

/* What people see before the text: "#5 0.42 ", "#5 " or nothing. Says how many
 * bytes; there is no NUL. */
#define LOGLINE_DECIMALS_MAX 9
#define LOGLINE_PREFIX_SIZE 24
size_t logline_prefix(const struct buildlog_line *line, char out[LOGLINE_PREFIX_SIZE]);
/* Appends the line as people see it, without a newline. */
void logline_append(struct buf *out, const struct buildlog_line *line);

#endif
