/* What tools say about a Dockerfile: warnings of its linter, and the excerpt
 * around the line that failed. Both stand in the build (build.h). */
#ifndef BILGE_BUILDS_PROGRESS_REMARKS_H
#define BILGE_BUILDS_PROGRESS_REMARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/builds/build.h"

#define WARNINGS_MAX 1000 /* of a build; more are only counted at their steps */

/* Adds a warning to the build, and counts it at the step (0: of none). A last
 * "(line 3)" of the text becomes its line, if none is given. `url` and `file`
 * may be NULL. */
void build_add_warning(struct build *build, int step, const char *text, size_t len, const char *url,
                       const char *file, int line);

/* Reads an excerpt, "Dockerfile:5", a rule, lines "   5 | >>> RUN make", a
 * rule, out of the lines of one stream; bake sets empty lines between. Zero is
 * a valid start. */
struct excerpt_reader {
    enum { EXCERPT_NONE, EXCERPT_HEADING, EXCERPT_LINES } state;
    struct build_excerpt excerpt;
};
/* True when the line is one of an excerpt (not its heading). A whole one is put
 * into the build, unless that has one already. */
bool excerpt_look(struct excerpt_reader *reader, struct build *build, const char *line, size_t len);
void excerpt_done(struct excerpt_reader *reader);
/* The build's output has ended: says whose step the excerpt is. */
void excerpt_settle(struct build *build);

#endif
