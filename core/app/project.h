/* The compose project and its Dockerfiles. */
#ifndef BILGE_APP_PROJECT_H
#define BILGE_APP_PROJECT_H

#include "core/app/app.h"

/* Asks compose, unless that is under way; what waits for the project starts when
 * it has answered. */
void project_load(struct bilge *bilge);
void project_cancel(struct bilge *bilge);

/* ---- recipes */
/* Reads the project's Dockerfiles on the pool; once more if that is under way. */
void recipes_read(struct bilge *bilge);
bool recipes_waited_for(const struct bilge *bilge);

#endif
