/* Builds that wait and run. */
#ifndef BILGE_APP_BUILDS_H
#define BILGE_APP_BUILDS_H

#include "core/app/app.h"

/* Takes away what a killed run has left. */
void builds_open(struct bilge *bilge);
/* Starts those whose turn has come. */
void builds_step(struct bilge *bilge);
void builds_stop_all(struct bilge *bilge);

/* Sessions of our running builds, 0-ended; the caller frees it. */
pid_t *builds_sessions(const struct bilge *bilge);
/* Does one of those that run build the service? */
bool builds_concern(const struct bilge *bilge, const char *service);

#endif
