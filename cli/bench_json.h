/* The JSON of `bilge bench`; its shape is in the manual page. */
#ifndef BILGE_CLI_BENCH_JSON_H
#define BILGE_CLI_BENCH_JSON_H

#include <stdbool.h>

#include "core/bench/bench.h"

void bench_print_json(const struct bench *bench, bool dry_run);

#endif
