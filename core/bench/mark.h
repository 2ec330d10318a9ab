/* What everything that a benchmark makes is known by: "bilge-bench-" and a few
 * random letters. */
#ifndef BILGE_BENCH_MARK_H
#define BILGE_BENCH_MARK_H

#include <stdbool.h>
#include <stdint.h>

/* A new mark, which the caller frees, and a random number that goes with it. */
char *mark_make(uint64_t *ret_token);

bool mark_is(const char *text);

#endif
