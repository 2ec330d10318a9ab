/* Private to core/build: a Dockerfile's instructions, each in one line. */
#ifndef BILGE_BUILD_RECIPE_LINES_H
#define BILGE_BUILD_RECIPE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/mem.h"

struct recipe_heredoc {
    char *name;
    struct buf text;
    bool chomp; /* "<<-": tabs at the beginning of lines don't count */
};

#define RECIPE_HEREDOCS_MAX 32

struct recipe_line {
    char *keyword; /* "RUN" */
    char *rest;    /* with its lines joined, without blanks at its ends */
    struct recipe_heredoc heredocs[RECIPE_HEREDOCS_MAX];
    size_t heredocs_len;
};

struct recipe_lines {
    const char *at, *end;
    char escape; /* '\\', or what a directive says */
    bool begun;  /* directives stand before anything else */
};

void recipe_lines_init(struct recipe_lines *lines, const char *text, size_t len);
/* False at the end. The line is to be given back with recipe_line_done(). */
bool recipe_lines_next(struct recipe_lines *lines, struct recipe_line *ret_line);
void recipe_line_done(struct recipe_line *line);

/* The next word of *at, which moves behind it; quotes and escapes are taken
 * away. NULL when there is none. The caller frees it. */
char *recipe_word(const char **at, char escape);

#endif
