/* Which cache directories projects name. */
#ifndef BILGE_APP_KNOWN_PROJECTS_H
#define BILGE_APP_KNOWN_PROJECTS_H

#include "core/app/app.h"

/* Writes down what this one names, and reads what all do: soon. */
void projects_look(struct bilge *bilge);
bool projects_waited_for(const struct bilge *bilge);
/* Now and then: what hangs is not waited for any more. */
void projects_give_up(struct bilge *bilge);
/* True: the history is in use by it now. */
bool projects_step(struct bilge *bilge);

#endif
