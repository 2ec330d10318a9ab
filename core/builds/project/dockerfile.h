/* Which lines of a Dockerfile made the step that failed, and these lines as
 * buildx prints them; compose before 2.37 does not:
 *
 *        4 |     COPY src /src
 *        5 | >>> RUN make
 *
 * Pure, any thread. */
#ifndef BILGE_BUILDS_PROJECT_DOCKERFILE_H
#define BILGE_BUILDS_PROJECT_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"

/* Which instruction is sought, in the words of its step. */
struct dockerfile_wish {
    const char *stage;       /* NULL: not told */
    int index;               /* in the stage, the FROM counted as 1; 0: not told */
    const char *instruction; /* continued lines joined, as BuildKit names it */
};

/* The lines, from 1, of the instruction in the text of a Dockerfile. */
bool dockerfile_find(const char *text, size_t len, const struct dockerfile_wish *wish,
                     int *ret_first, int *ret_last);
/* Those lines, with two more on either side, cleaned; NULL when there are no
 * such lines. The caller frees it. */
char *dockerfile_excerpt(const char *text, size_t len, int first, int last);

/* "dockerfile parse error on line 2: …": the line; 0: it is another error. */
int dockerfile_error_line(const char *error);

/* Private to core/build/dockerfile: a Dockerfile's instructions, each in one line. */
struct dockerfile_heredoc {
    char *name;
    struct buf text;
    bool chomp; /* "<<-": tabs at the beginning of lines don't count */
};

#define DOCKERFILE_HEREDOCS_MAX 32

struct dockerfile_line {
    char *keyword; /* "RUN" */
    char *rest;    /* with its lines joined, without blanks at its ends */
    struct dockerfile_heredoc heredocs[DOCKERFILE_HEREDOCS_MAX];
    size_t heredocs_len;
    int first, last; /* lines of the file, from 1 */
};

struct dockerfile_lines {
    const char *at, *end;
    char escape; /* '\\', or what a directive says */
    bool begun;  /* directives stand before anything else */
    int taken;   /* lines of the file */
};

void dockerfile_lines_init(struct dockerfile_lines *lines, const char *text, size_t len);
/* False at the end. The line is to be given back with dockerfile_line_done(). */
bool dockerfile_lines_next(struct dockerfile_lines *lines, struct dockerfile_line *ret_line);
void dockerfile_line_done(struct dockerfile_line *line);

/* The next word of *at, which moves behind it; quotes and escapes are taken
 * away. NULL when there is none. The caller frees it. */
char *dockerfile_word(const char **at, char escape);

#endif
