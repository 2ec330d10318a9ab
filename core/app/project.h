/* The compose project and its Dockerfiles. */
#ifndef BILGE_APP_PROJECT_H
#define BILGE_APP_PROJECT_H

#include <stdbool.h>

#include "core/bilge.h"

struct hub;
struct project;

/* on_read: it stands in the store, or why it can't be read; then the Dockerfiles are
 * to be read. */
struct project *project_new(struct hub *hub, const struct bilge_options *options,
                            void (*on_read)(void *arg), void *arg);
void project_cancel(struct project *project);
void project_free(struct project *project);

/* Asks compose, unless that is under way; what waits for the project starts when
 * it has answered. */
void project_load(struct project *project);

/* Reads the project's Dockerfiles on the pool; once more if that is under way. */
void project_read_recipes(struct project *project);
bool project_is_reading_recipes(const struct project *project);

#endif
