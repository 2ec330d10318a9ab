/* The benchmark: its steps are in benching_private.h. */
#ifndef BILGE_BILGE_BENCHING_H
#define BILGE_BILGE_BENCHING_H

#include "core/bilge/parts.h"

void benching_step(struct bilge *bilge);
void benching_close(struct bilge *bilge);
void benching_free(struct benching *benching);

#endif
