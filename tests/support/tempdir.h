/* Temporary directories for tests, and whole files. Whatever goes wrong fails the
 * test program: these have no error results. */
#ifndef BILGE_TESTS_SUPPORT_TEMPDIR_H
#define BILGE_TESTS_SUPPORT_TEMPDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/path.h" /* path_join(): the tests' way to name what is in one */

/* A new empty directory below TMPDIR (or /tmp). Gives its absolute path to the
 * caller, who hands it back to tempdir_free(). */
char *tempdir_new(void);
/* Removes it with all below it, whatever the permissions in it are. */
void tempdir_free(char *path);

/* All below work on dir/name; directories on the way are made. */
void file_write(const char *dir, const char *name, const void *data, size_t len);
void file_write_text(const char *dir, const char *name, const char *text);
void dir_make(const char *dir, const char *name);
/* The content, NUL-terminated; the caller frees it. ret_len may be NULL. */
char *file_read(const char *dir, const char *name, size_t *ret_len);
/* The same of a file of tests/data: "build/x.json". */
char *data_read(const char *name, size_t *ret_len);
/* There, of whatever kind; a symlink is not followed. */
bool file_exists(const char *dir, const char *name);

#endif
