/* Requests that go through several of the other rooms, step by step. */
#ifndef BILGE_APP_PLANNING_H
#define BILGE_APP_PLANNING_H

#include "core/app/app.h"

/* Each pass of the loop: goes on if what was waited for has come. */
void planning_step(struct bilge *bilge);
void pruning_step(struct bilge *bilge);
/* on_plan will not run. */
void planning_cancel(struct bilge *bilge);
/* Stops between two items. */
void pruning_cancel(struct bilge *bilge);
/* Now and then while it runs: one that waits only for what does not answer is ended, as
 * far as anybody else can see. */
void pruning_look(struct bilge *bilge);
/* While closing: nothing of it runs but what hangs. pruning_leave() leaves that. */
bool pruning_is_over(const struct bilge *bilge);
void pruning_leave(struct bilge *bilge);
/* The same as pruning_look() for care. */
void care_look(struct bilge *bilge);
/* Begins the request for care once it is known whether builds run. */
void care_step(struct bilge *bilge);
/* The same for the doctor. */
void examining_step(struct bilge *bilge);
void examining_cancel(struct bilge *bilge);
/* Is a removal under way that takes something from cache directories? */
bool pruning_caches(const struct bilge *bilge);

#endif
