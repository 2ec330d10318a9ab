/* A benchmark on paper: what it is going to do, how far it is, what came of it. */
#ifndef BILGE_BENCH_REPORT_H
#define BILGE_BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/bench.h"
#include "core/store/store.h"

/* Prints the services and files that will be built, everything that the benchmark makes,
 * and that it removes all of that at the end. */
void report_plan(const struct bench *bench, FILE *out);
/* One line, ended; and one that is not, of the build under way: on a terminal each
 * goes over the one before. */
void report_run(const struct bench *bench, const struct bench_step *step,
                const struct bench_run *run, FILE *out);
void report_now(const struct bench *bench, const struct store *store, FILE *out);
/* The table, and what it was measured with. */
void report_result(const struct bench *bench, FILE *out);
/* On stdout; its shape is in the manual page. */
void report_json(const struct bench *bench, bool dry_run);

#endif
