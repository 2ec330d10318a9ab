/* The directories that a .dockerignore plainly leaves out by their names. Docker
 * reads more from it: patterns, exceptions. With an exception in it nothing is
 * sure any more, and nothing is left out here.
 * Source: docs.docker.com/build/concepts/context/#dockerignore-files. */
#ifndef BILGE_BENCH_IGNORED_H
#define BILGE_BENCH_IGNORED_H

#include <stdbool.h>
#include <stddef.h>

struct ignored_name {
    char *name;
    bool anywhere; /* else in the context's root only */
};

struct ignored {
    struct ignored_name *items;
    size_t len;
};

/* `dockerfile` (absolute, may be NULL): its own "<Dockerfile>.dockerignore" goes
 * before the context's. Blocks. */
struct ignored ignored_read(const char *context, const char *dockerfile);
void ignored_done(struct ignored *ignored);

/* A directory of this name, there or (`in_root`) directly in the context. */
bool ignored_has(const struct ignored *ignored, const char *name, bool in_root);

#endif
