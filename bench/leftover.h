/* The directory of a benchmark, and those of benchmarks that did not end: killed,
 * or a machine that went down. A benchmark that lives holds a lock on its own. */
#ifndef BILGE_BENCH_LEFTOVER_H
#define BILGE_BENCH_LEFTOVER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* A new mark, "bilge-bench-" and eight random letters, which the caller frees, and a
 * random number that goes with it. */
char *mark_make(uint64_t *ret_token);

struct leftover {
    char *mark; /* "bilge-bench-k3v9x2ab": the name of its directory, and what its images and
                 * cache mounts begin with */
    int lock;   /* held, so that no two benchmarks clean up the same */
};

/* Makes the directory parent/mark (0700) and holds its lock: *ret_lock, for the
 * caller to close, lets it go; so does the end of the process. It has its name
 * only once it is locked. */
int leftover_make_directory(const char *parent, const char *mark, int *ret_lock, struct err *err);

/* The user's directories of that kind in `parent` that nobody holds; none when
 * `parent` can't be read. The caller gives each back, and frees the list. */
struct leftover *leftovers_find(const char *parent, size_t *ret_len);
void leftover_done(struct leftover *leftover);

#endif
