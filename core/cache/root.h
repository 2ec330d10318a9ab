/* A cache root: found once by its path, and from then on one open directory.
 * Whatever is read, watched or deleted in it is reached from that descriptor,
 * so nothing that others do to the path leads the work elsewhere. */
#ifndef BILGE_CACHE_ROOT_H
#define BILGE_CACHE_ROOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"

/* Never changed once it is there, so any thread may use it; whoever does holds it. */
struct root {
    atomic_uint users;
    char *path; /* where it was found: absolute, without symlinks. For people */
    int fd;
    uint64_t dev, ino;
};
struct root *root_hold(struct root *root);
void root_release(struct root *root); /* NULL is fine */
/* The same directory, by whatever name? */
bool root_same(const struct root *a, const struct root *b);

/* What became of looking for a directory. */
struct root_found {
    struct root *root; /* NULL: there is none to use, and err says why */
    char *path;        /* absolute; resolved as far as it could be followed */
    int above_fd;      /* without a root: the last directory of the way; -1: none */
    char *missing;     /* and the name in it where the way ended; NULL: none */
    struct err err;
};

/* Goes to the directory step by step. A symlink on the way is followed, except
 * one that somebody else may have planted: in a sticky directory that its group
 * or everybody may write to, it must belong to us, to root, to `invoker` or to the
 * owner of that directory (as Linux's fs.protected_symlinks has it). -ENOENT when
 * it is not there, ERR_FOREIGN for such a symlink, or another negative code.
 * May block for ever: not on the loop. root_found_done() in any case. */
int root_find(const char *path, uid_t invoker, struct root_found *ret_found);
void root_found_done(struct root_found *found);

/* Before something is deleted or changed in it: ERR_CHANGED when its path leads
 * elsewhere by now, so that what was shown under that path is not there any more. */
int root_check(const struct root *root, struct err *err);

/* Who has called us by sudo or pkexec; else who we are. */
uid_t root_invoker(void);

/* The directory that it lies in; ERR_CHANGED when it does not lie there any more. */
int root_above(const struct root *root, struct root **ret_above, struct err *err);

#endif
