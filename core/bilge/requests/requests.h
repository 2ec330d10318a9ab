/* Requests that go through several of the other rooms, step by step. */
#ifndef BILGE_BILGE_REQUESTS_H
#define BILGE_BILGE_REQUESTS_H

#include "core/bilge/parts.h"

/* Each pass of the loop: goes on if what was waited for has come. */
void planning_step(struct bilge *bilge);
void pruning_step(struct bilge *bilge);
/* on_plan will not run. */
void planning_cancel(struct bilge *bilge);
/* Stops between two items. */
void pruning_cancel(struct bilge *bilge);
/* Is a removal under way that takes something from cache directories? */
bool pruning_caches(const struct bilge *bilge);

#endif
