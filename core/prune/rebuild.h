/* Private to core/prune: what it costs to do without something, in one unit for
 * all kinds of items, so that they can be weighed against each other:
 *
 *     loss = seconds to make it again  x  how likely it is to be wanted
 *
 * Seconds: what the step took when it last ran, when a build of this session or
 * the history tells, else its bytes at the rate of its kind (the table in
 * loss.c: steps run at 10 MB/s, cache mounts fill at 2 MB/s, files are sent at
 * 100 MB/s …). Garbage costs nothing, an older generation a little: it may
 * have to be restored.
 *
 * Wanted: 1 / (1 + days since the last use or export). An abandoned cache counts
 * a fifth, any other whole cache tenfold, so that it goes last. */
#ifndef BILGE_PRUNE_REBUILD_H
#define BILGE_PRUNE_REBUILD_H

#include <stddef.h>
#include <stdint.h>

#include "core/prune/plan.h"
#include "core/store/store.h"

/* How long steps took, by their instruction. */
struct step_times;
struct step_times *step_times_new(const struct store *store);
void step_times_free(struct step_times *times);

/* Fills in rebuild_s, timed and loses of a record's item. */
void rebuild_fill_record(const struct store *store, const struct step_times *times,
                         const struct record *record, struct plan_item *item);

/* Fills in loss, and of other items than records rebuild_s, too. */
void rebuild_fill(const struct store *store, struct plan_item *item, int64_t now);

#endif
