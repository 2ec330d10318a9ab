/* Requests that go through several of the other rooms, step by step. */
#ifndef BILGE_BILGE_REQUESTS_H
#define BILGE_BILGE_REQUESTS_H

#include "core/bilge/parts.h"

void planning_step(struct bilge *bilge);
void planning_cancel(struct bilge *bilge);
void pruning_step(struct bilge *bilge);
void pruning_cancel(struct bilge *bilge);
bool pruning_caches(const struct bilge *bilge);

#endif
