/* The rows that show services with their caches. */
#ifndef BILGE_APP_SERVICES_H
#define BILGE_APP_SERVICES_H

struct builds;
struct hub;
struct services;

struct services *services_new(struct hub *hub, struct builds *builds);
void services_free(struct services *services);

void services_join(struct services *services);
/* Rows have come or gone: they are joined in the next loop pass. */
void services_need_join(struct services *services);
/* Sets the rows' signs of our own builds. */
void services_mark_builds(struct services *services);

#endif
