/* Paths as texts, and where they lead. What gives a char * gives it to the
 * caller, who frees it. */
#ifndef BILGE_BASE_PATH_H
#define BILGE_BASE_PATH_H

/* What stands behind the last slash, else the whole. Borrowed. */
const char *path_name(const char *path);
/* What stands before it: "/" of "/a", "." of "a". */
char *path_parent(const char *path);
char *path_join(const char *directory, const char *name);
/* As a word of a command line: "./-x" for "-x", which else would be an option,
 * or ("-") the standard input. */
char *path_as_word(const char *path);

/* Absolute (from the working directory), without "." and "..", symlinks as
 * they are. */
char *path_plain(const char *path);
/* The same, the longest part of it that exists resolved. */
char *path_canonical(const char *path);
/* The same, but the last component is not followed. */
char *path_canonical_parent(const char *path);

#endif
