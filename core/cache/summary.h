/* The last steps of a scan: sums and the state, from what was gathered. */
#ifndef BILGE_CACHE_SUMMARY_H
#define BILGE_CACHE_SUMMARY_H

#include <stdbool.h>

#include "core/cache/cache.h"
#include "core/cache/tally.h"

/* Fills all sums. Blobs are classed by now. An inode with several names is
 * counted once, for the strongest claim on it. */
void cache_sum(struct cache *cache, struct tally *tally);

enum cache_state cache_foreign_state(const struct tally *tally);
/* Sets busy_sign and adds problems of the directory as a whole. */
enum cache_state cache_layout_state(struct cache *cache, const struct tally *tally, bool has_index,
                                    bool unreadable);

#endif
