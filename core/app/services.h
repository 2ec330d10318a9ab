/* The rows that show services with their caches. */
#ifndef BILGE_APP_SERVICES_H
#define BILGE_APP_SERVICES_H

#include "core/app/app.h"

void services_join(struct bilge *bilge);
/* Sets the rows' signs of our own builds. */
void services_mark_builds(struct bilge *bilge);

#endif
