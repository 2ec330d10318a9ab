/* Whole trees of files, for tests. Whatever goes wrong ends the program. */
#ifndef BILGE_TESTS_SUPPORT_TREE_H
#define BILGE_TESTS_SUPPORT_TREE_H

#include <stdint.h>

/* Copies a tree (files, directories, symlinks as they are, times kept) from
 * `from` to the new directory dir/name. */
void tree_copy(const char *from, const char *dir, const char *name);

/* All below dir, one a line, sorted: name, kind, size, inode and time. Two
 * lists are equal when nothing was touched. The caller frees it. */
char *tree_list(const char *dir);

/* Sets the times of all files below dir/name to so long ago; an index.json
 * is a second younger than the rest, as after an export. */
void tree_make_older(const char *dir, const char *name, int64_t seconds);

#endif
