/* Private to core/prune: one row of the store's services under work. */
#ifndef BILGE_PRUNE_LOOK_H
#define BILGE_PRUNE_LOOK_H

#include <stdint.h>

#include "core/prune/planner.h"

#define LOOK_NAME_COLUMNS 60

struct look {
    struct planner *planner;
    const struct service *row;
    const struct cache *cache;
    uint32_t plan_cache; /* index, once an item needed it; else CACHE_NONE */
    uint32_t *links;     /* of each blob of the cache; CACHE_NONE: not yet one */
};

struct plan_kept *look_keep(struct look *look, enum item_kind kind, const char *id,
                            const char *title, const char *reason);
struct plan_item *look_add(struct look *look, enum item_kind kind, const char *id,
                           const char *title);
/* The item takes the blob along; item->links must have room. */
void look_add_link(struct look *look, struct plan_item *item, uint32_t blob_index);
/* A sign that somebody may be exporting; NULL: none, or told not to mind. */
const char *look_busy_sign(const struct look *look);
/* "superseded 3 h ago"; the caller frees it. */
char *look_since(const char *what, int64_t age_s);

/* Generations, orphans and leftovers of the row. */
void look_plan_garbage(struct look *look);
/* Of several live generations those that `dropped` marks: index.json names them no
 * longer, and what only they reach goes. False, and nothing is planned, when it
 * can't be so: the index always names a generation, and whole ones only. */
bool look_plan_live(struct look *look, const bool *dropped, const char *reason);

#endif
