/* The last steps of a scan: sums and the state, from what was gathered. */
#ifndef BILGE_CACHE_SUMMARY_H
#define BILGE_CACHE_SUMMARY_H

#include <stdbool.h>

#include "core/cache/cache.h"
#include "core/cache/layout.h"
#include "core/cache/tally.h"

/* Fills all sums. Blobs are classed by now. An inode with several names is
 * counted once, for the strongest claim on it. */
void cache_sum(struct cache *cache, struct tally *tally);

/* Of a directory that is no layout. */
enum cache_state cache_foreign_state(const struct tally *tally);
/* Of a layout: sets the state, busy_sign, unproven, and the problems of the
 * directory as a whole. `index`: what index.json holds, NULL when that is not
 * known. */
void cache_judge(struct cache *cache, const struct tally *tally, const struct manifest *index,
                 bool unreadable);

#endif
