/* Picks the line that says why a build failed out of all that its tools
 * print. Common to all progress formats. */
#ifndef BILGE_BUILDS_PROGRESS_REASON_H
#define BILGE_BUILDS_PROGRESS_REASON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/builds/build.h"
#include "core/builds/log/logline.h"

struct reason {
    char *text; /* the best so far; NULL: none */
    int rank;
    bool in_paragraph; /* the last line belonged to the text before it */
};

/* A line that is no progress: "failed to solve: …", "ERROR: …", and on stderr
 * anything that is no note or warning. */
void reason_look(struct reason *reason, int stream, const char *line, size_t len);
/* Puts what was found into build->error, or else the error of the step that
 * failed first; leaves it as it is when there is neither. */
void reason_settle(struct reason *reason, struct build *build);
void reason_done(struct reason *reason);

/* What a line is that a tool said for itself, outside of any step's output. */
enum log_kind reason_line_kind(const char *line, size_t len);
/* "[output clipped, log limit 2MiB reached]", as BuildKit puts it in the place
 * of output. It comes among the output, so a step can print the same. */
bool reason_is_clip(const char *line, size_t len);

#endif
