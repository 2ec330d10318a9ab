/* Care for caches on request: verify and repair, restore, dedupe. */
#ifndef BILGE_APP_REPAIRING_H
#define BILGE_APP_REPAIRING_H

#include "core/app/app.h"

/* Now and then while it runs: one that hangs is not waited for any more. */
void care_look(struct bilge *bilge);

#endif
