/* What is written down of a build that is over, and where it failed. */
#ifndef BILGE_APP_RECORDING_H
#define BILGE_APP_RECORDING_H

#include "core/app/app.h"

struct recording;

/* NULL: nothing is remembered. */
struct recording *recording_start(struct bilge *bilge, const struct build *build);
/* The build is over; NULL is fine. It frees itself when it has been written,
 * also while the object is closing. */
void recording_end(struct bilge *bilge, struct recording *recording, const struct build *build);

/* ---- excerpts */
/* The build has failed: finds the lines of the Dockerfile. */
void excerpts_look(struct bilge *bilge, const struct build *build);

#endif
