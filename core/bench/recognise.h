/* Which file of a build context stands for "the code", and which for "the
 * dependencies", when nobody has said so. */
#ifndef BILGE_BENCH_RECOGNISE_H
#define BILGE_BENCH_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/bench/bench.h"

/* How well a source file suits: by its name (main.rs, app.py, …), by words that
 * its directories share with the service's name, and by directories that the
 * Dockerfile names. 0: it is none that would be changed. Pure. */
int recognise_score(const char *path, const char *service, const char *dockerfile_text);

/* Fills source->code_file, dependency_file (each only when wanted, and when it
 * was not given) and dependency. Blocks. ERR_USAGE, with what to say instead,
 * when one can't be told or a given one is not in the context. */
int recognise(const char *service, struct bench_source *source, bool want_code,
              bool want_dependencies, struct err *err);

#endif
