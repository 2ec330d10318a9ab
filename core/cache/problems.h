/* What is wrong with a cache, told in words with what follows from it. */
#ifndef BILGE_CACHE_PROBLEMS_H
#define BILGE_CACHE_PROBLEMS_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/cache/cache.h"
#include "core/cache/layout.h"

/* Appends a problem, unless there are too many, or the same one of the same
 * digest is there (a layer may be listed several times). Takes detail. */
void cache_add_problem(struct cache *cache, enum problem_kind kind, const struct digest *digest,
                       char *detail);

/* Takes those of a kind back: they were not seen, rather than gone. */
void cache_drop_problems(struct cache *cache, enum problem_kind kind);

/* `who` names what is gone. */
void report_missing(struct cache *cache, const char *who, const struct descriptor *missing);
/* A blob has `found` bytes, and should have others. */
void report_size(struct cache *cache, const struct descriptor *wanted, int64_t found);
/* What of a document is not understood, if anything is not. Sets live_unknown. */
void report_odd(struct cache *cache, const char *who, const struct manifest *manifest);
/* A manifest that is there and can't be read, or makes no sense: what it keeps
 * alive is unknown. Sets live_unknown. */
void report_unread(struct cache *cache, const struct digest *digest, const struct err *err);

#endif
