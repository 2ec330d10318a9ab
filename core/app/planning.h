/* A plan on request. */
#ifndef BILGE_APP_PLANNING_H
#define BILGE_APP_PLANNING_H

#include "core/app/app.h"

/* Each pass of the loop: goes on if what was waited for has come. */
void planning_step(struct bilge *bilge);
/* on_plan will not run. */
void planning_cancel(struct bilge *bilge);

#endif
