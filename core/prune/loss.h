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
 * Wanted: 1 / (1 + days since the last use or export). A cache of a service
 * that the project does not know any more counts a fifth; the live one of
 * an existing service tenfold, so that it goes last. */
#ifndef BILGE_PRUNE_LOSS_H
#define BILGE_PRUNE_LOSS_H

#include <stddef.h>
#include <stdint.h>

#include "core/prune/plan.h"
#include "core/store/store.h"

/* How long steps took, by their instruction. */
struct step_times;
struct step_times *step_times_new(const struct store *store);
void step_times_free(struct step_times *times);

/* Of a record; `name` is record_name()'s. */
double loss_record_seconds(const struct step_times *times, const struct record *record,
                           const char *name);

/* What the next build loses with a record; NULL: nothing. The caller frees it. */
char *loss_record_words(const struct store *store, const struct record *record);

/* Fills in rebuild_s (but of records, where it stands already) and loss. */
void loss_fill(const struct store *store, struct plan_item *item);

#endif
