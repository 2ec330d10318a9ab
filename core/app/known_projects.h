/* Which cache directories projects name. */
#ifndef BILGE_APP_KNOWN_PROJECTS_H
#define BILGE_APP_KNOWN_PROJECTS_H

#include <stdbool.h>

#include "core/bilge.h"

struct hub;
struct known_projects;
struct lanes;
struct memory;
struct services;

struct known_projects *known_projects_new(struct hub *hub, struct lanes *lanes,
                                          struct services *services, struct memory *memory,
                                          const struct bilge_options *options);
void known_projects_free(struct known_projects *projects);

/* Writes down what this one names, and reads what all do: soon. */
void known_projects_look(struct known_projects *projects);
bool known_projects_are_waited_for(const struct known_projects *projects);
/* Now and then: what hangs is not waited for any more. */
void known_projects_give_up(struct known_projects *projects);

#endif
