/* What is written down of a build that is over, and where it failed. */
#ifndef BILGE_APP_RECORDING_H
#define BILGE_APP_RECORDING_H

#include "core/bilge.h"
#include "core/builds/build.h"

struct hub;
struct lanes;
struct recorder;
struct roots;
/* Of one build. */
struct recording;

struct recorder *recorder_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                              const struct bilge_options *options);
void recorder_free(struct recorder *recorder);

/* NULL: nothing is remembered. */
struct recording *recording_start(struct recorder *recorder, const struct build *build);
/* The build is over; NULL is fine. It frees itself when it has been written,
 * also while the object is closing. */
void recording_end(struct recording *recording, const struct build *build);

/* The build has failed: finds the lines of the Dockerfile. */
void recorder_excerpt(struct recorder *recorder, const struct build *build);

#endif
