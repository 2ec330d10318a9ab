/* Which files that a COPY takes from the build context have changed. */
#ifndef BILGE_BUILDS_CHANGED_H
#define BILGE_BUILDS_CHANGED_H

#include <stdint.h>

/* "src/main.rs", "src/main.rs and 3 more": what was changed after `since`
 * (nanoseconds since 1970) of the files that "COPY src src" or "ADD" takes from
 * `context`, the last one first. By the time of the inode, which no tool can
 * set back; .git and what .dockerignore names plainly are left out. NULL: none,
 * or it can't be told (globs, a URL, a context that is too large). The caller
 * frees it. Any thread; blocks on the disk. */
char *changed_files(const char *context, const char *instruction, int64_t since);

#endif
