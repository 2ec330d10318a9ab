/* Which line of a step's output most likely is the error: by the forms that
 * compilers, test runners, package managers, shells and BuildKit give theirs. */
#ifndef BILGE_BUILDS_ERRORLINE_H
#define BILGE_BUILDS_ERRORLINE_H

#include <stddef.h>

#include "core/builds/build.h"

enum errorline {
    ERRORLINE_NONE,
    ERRORLINE_WEAK,   /* says that something failed: "make: *** [all] Error 2" */
    ERRORLINE_STRONG, /* says what: "main.c:3:39: error: …" */
};
/* What a line is, without escape sequences. Pure. */
enum errorline errorline_of(const char *text, size_t len);

/* Sets error_line of each step that has failed. Looks at the last
 * ERRORLINE_LINES lines of each that are in memory. */
#define ERRORLINE_LINES 5000
void errorline_settle(struct build *build);

/* Where a message quotes the command that has failed, which may hold any text:
 * its bytes from the returned place up to *ret_end. Both are `len` when it
 * quotes none. */
size_t errorline_find_command(const char *text, size_t len, size_t *ret_end);

#endif
