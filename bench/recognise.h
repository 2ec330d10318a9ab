/* Which file of a build context stands for "the code", and which for "the
 * dependencies", when nobody has said so. */
#ifndef BILGE_BENCH_RECOGNISE_H
#define BILGE_BENCH_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/bench.h"
#include "core/base/err.h"

/* How well a source file suits: by its name (main.rs, app.py, …), by words of the
 * service's name in its directories, and by directories that the Dockerfile names.
 * 0: it is none that would be changed. Pure. */
int recognise_score(const char *path, const char *service, const char *dockerfile_text);

/* Fills source->code_file, dependency_file (each only when wanted, and when it
 * was not given) and dependency. ERR_USAGE, with what to say instead, when one
 * can't be told or a given one is not in the context. */
int recognise(const char *service, struct bench_source *source, bool want_code,
              bool want_dependencies, struct err *err);

/* Which dependency of a Rust package stands best for "one of them has a new
 * version": of those that the package names itself and that come from a
 * registry, in one version only, the one that stands on the most others (axum,
 * sqlx: what people upgrade). The text is that of a Cargo.lock, whose form cargo
 * writes. NULL: none can be told. The caller frees it. Pure. */
char *lockfile_choose(const char *text, const char *package);

/* The name in the [package] table of a Cargo.toml; NULL: it has none. The
 * caller frees it. Pure. */
char *cargo_package_name(const char *text);

#endif
