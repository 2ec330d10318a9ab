/* "Free N bytes": of a plan that holds all candidates, the cheapest part that
 * gives back enough.
 *
 * What comes back with one item alone is that item's. What comes back only when
 * several go is a choice of its own that costs nothing and needs all of them:
 * a blob that two older generations share, a file with links in two caches.
 *
 *     generation 1 ──┐
 *                    ├──► the blob that both reach
 *     generation 2 ──┘
 *
 * A whole cache needs its garbage to go (and takes it along in the end), a
 * record its children. So the sums are true; where they are not (odd links),
 * the real plan is counted and more is asked for until it is enough. */
#ifndef BILGE_PRUNE_CHOOSER_H
#define BILGE_PRUNE_CHOOSER_H

#include <stddef.h>
#include <stdint.h>

#include "core/prune/choose.h"
#include "core/prune/planner.h"

/* Bytes that come back when all these items go. */
struct group {
    size_t from, len; /* in sets */
    int64_t bytes;
};

struct chooser {
    struct plan *plan;
    int64_t *own_bytes; /* of each item: what it gives back alone */
    size_t *whole_of;   /* of each item: the whole cache that takes it along; SIZE_MAX */
    size_t *sets;       /* indices of items, ascending in each group */
    size_t sets_len, sets_cap;
    struct group *groups;
    size_t groups_len, groups_cap;
    /* Of each link the items (no whole ones) that hold it. */
    size_t *holders, *holders_from;
    struct choice *choices; /* the items, then the groups */
    size_t *needs;
};

/* What the items give back alone, and what only several of them do. */
void chooser_group(struct chooser *chooser);
/* Makes the choices of items and groups: what each gives, costs and needs. */
void chooser_offer(struct chooser *chooser);
void chooser_done(struct chooser *chooser);

#endif
