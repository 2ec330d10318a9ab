/* Private to core/build/dockerfile: a Dockerfile's instructions, each in one line. */
#ifndef BILGE_BUILD_DOCKERFILE_DOCKERFILE_LINES_H
#define BILGE_BUILD_DOCKERFILE_DOCKERFILE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"

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
