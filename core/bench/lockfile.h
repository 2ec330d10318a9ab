/* Which dependency of a Rust package stands best for "one of them has a new
 * version": of those that the package names itself and that come from a
 * registry, in one version only, the one that stands on the most others (axum,
 * sqlx: what people upgrade). Read from Cargo.lock, whose form cargo writes. */
#ifndef BILGE_BENCH_LOCKFILE_H
#define BILGE_BENCH_LOCKFILE_H

#include <stddef.h>

/* NULL: none can be told. The caller frees it. Pure. */
char *lockfile_choose(const char *text, size_t len, const char *package);

/* The name in the [package] table of a Cargo.toml; NULL: it has none. The
 * caller frees it. Pure. */
char *cargo_package_name(const char *text, size_t len);

#endif
