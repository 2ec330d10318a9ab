/* The disks below the cache roots and the engine's data. */
#ifndef BILGE_APP_DISKS_H
#define BILGE_APP_DISKS_H

#include <stdbool.h>

#include "core/bilge.h"

struct builds;
struct disks;
struct engines;
struct hub;
struct lanes;
struct roots;

struct disks *disks_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                        struct engines *engines, struct builds *builds,
                        const struct bilge_options *options);
/* No look any more. */
void disks_stop(struct disks *disks);
void disks_close(struct disks *disks);
void disks_free(struct disks *disks);

void disks_refresh(struct disks *disks);
/* One of those that were asked has answered, or is not waited for any more. */
void disks_answered(struct disks *disks);
bool disks_are_looked_at(const struct disks *disks);

#endif
