/* Which lines of a Dockerfile made the step that failed, and these lines as
 * buildx prints them; compose before 2.37 does not:
 *
 *        4 |     COPY src /src
 *        5 | >>> RUN make
 *
 * Pure, any thread. */
#ifndef BILGE_BUILD_DOCKERFILE_DOCKERFILE_H
#define BILGE_BUILD_DOCKERFILE_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
