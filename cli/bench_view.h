/* A benchmark on paper: what it is going to do, how far it is, what came of it. */
#ifndef BILGE_CLI_BENCH_VIEW_H
#define BILGE_CLI_BENCH_VIEW_H

#include <stdio.h>

#include "core/bench/bench.h"
#include "core/store/store.h"

/* What is built from what, what it makes, and that it takes it away again. */
void bench_print_plan(const struct bench *bench, FILE *out);

/* One line, ended; without one: of the build under way, over what stands in the
 * line of a terminal. */
void bench_print_run(const struct bench *bench, const struct bench_step *step,
                     const struct bench_run *run, FILE *out);
void bench_print_now(const struct bench *bench, const struct store *store, FILE *out);

/* The table, and what it was measured with. */
void bench_print_result(const struct bench *bench, FILE *out);

#endif
