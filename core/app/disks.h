/* The disks below the cache roots and the engine's data. */
#ifndef BILGE_APP_DISKS_H
#define BILGE_APP_DISKS_H

#include "core/app/app.h"

void disks_open(struct bilge *bilge);
void disks_refresh(struct bilge *bilge);
/* One of those that were asked has answered, or is not waited for any more. */
void disks_answered(struct bilge *bilge);
void disks_close(struct bilge *bilge);

#endif
