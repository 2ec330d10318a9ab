/* Changes of sites and caches, as they happen. */
#ifndef BILGE_APP_WATCHING_H
#define BILGE_APP_WATCHING_H

#include "core/app/roots.h"

/* It has been found, or is not there. */
void watching_site(struct site *site);
/* It has been read. */
void watching_cache(struct site *site, const struct cache *cache);
/* Its list of directories as it is now: what differs from the rows is looked at. */
void watching_compare(struct site *site, struct strlist *names, bool whole_list);

#endif
