/* The edit that stands for "the code has changed" or "a dependency has". It is
 * made in a copy of the context, needs no network, and leaves a file that means
 * the same as before:
 *
 *   .rs           const _: u64 = 0x…;     a comment alone would do for docker, but a
 *                                         line that is compiled shows that it was
 *   .rb .py # …   a comment in the language's own way
 *   .json         blanks at the end: JSON has no comments
 *   Cargo.toml    [profile.*.package.DEPENDENCY] codegen-units = 15: cargo compiles that
 *                 one dependency, and what stands on it, anew, as after a new
 *                 version of it; and metadata with the token, which makes the
 *                 recipe of cargo-chef another one (comments are not in it) */
#ifndef BILGE_BENCH_CHANGE_H
#define BILGE_BENCH_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"

/* Can it be changed, going by its name? */
bool change_knows(const char *path);

/* Appends the content of the file `path` and the edit. `token` makes each edit
 * another one. `dependency`: of a Cargo.toml; NULL: none was found.
 * ERR_UNSUPPORTED when it is not known how. Pure. */
int change_make(const char *path, const struct buf *text, uint64_t token, const char *dependency,
                struct buf *ret_text, struct err *err);

#endif
