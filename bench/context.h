/* The build context of a service: walked, measured, copied. What a .dockerignore
 * plainly leaves out as a whole directory ("target", "/node_modules/", and such)
 * no build ever sees, so it is not copied; cleverer patterns are docker's to
 * read, and what they leave out is copied too, which costs time and nothing else.
 * With an exception in it nothing is sure any more, and nothing is left out here.
 * Source: docs.docker.com/build/concepts/context/#dockerignore-files. */
#ifndef BILGE_BENCH_CONTEXT_H
#define BILGE_BENCH_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/fs.h"

/* More than this is no context that somebody builds from several times. */
#define CONTEXT_FILES_MAX 500000

/* Called for each entry, a directory before what is in it; `path` is relative
 * to the context. Not 0: the walk ends and returns it. */
typedef int context_cb(void *arg, int dirfd, const char *name, const char *path,
                       const struct fs_stat *stat, struct err *err);

/* `dockerfile` (absolute, may be NULL): its own "<Dockerfile>.dockerignore" is
 * asked before the context's. ERR_LIMIT over CONTEXT_FILES_MAX. */
int context_walk(const char *context, const char *dockerfile, context_cb *cb, void *arg,
                 struct err *err);

/* What context_copy() would copy: allocated bytes, and how many files. */
int context_measure(const char *context, const char *dockerfile, int64_t *ret_bytes,
                    size_t *ret_files, struct err *err);

/* Copies it into the directory `to`, which it makes: files, directories and
 * symlinks with their modes, files with their times, too. Anything else (sockets,
 * devices) stays behind. `is_over` is asked again and again: ERR_CANCELLED when
 * it says true. */
int context_copy(const char *context, const char *dockerfile, const char *to,
                 bool (*is_over)(void *arg), void *arg, struct err *err);

#endif
