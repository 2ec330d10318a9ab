/* A removal on request. */
#ifndef BILGE_APP_PRUNING_H
#define BILGE_APP_PRUNING_H

#include "core/app/app.h"

/* Each pass of the loop: goes on if what was waited for has come. */
void pruning_step(struct bilge *bilge);
/* Stops between two items. */
void pruning_cancel(struct bilge *bilge);
/* Now and then while it runs: one that waits only for what does not answer is ended, as
 * far as anybody else can see. */
void pruning_look(struct bilge *bilge);
/* While closing: nothing of it runs but what hangs. pruning_leave() leaves that. */
bool pruning_is_over(const struct bilge *bilge);
void pruning_leave(struct bilge *bilge);
/* Is a removal under way that takes something from cache directories? */
bool pruning_caches(const struct bilge *bilge);

#endif
