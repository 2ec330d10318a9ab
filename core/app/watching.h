/* Changes of sites and caches, as they happen. */
#ifndef BILGE_APP_WATCHING_H
#define BILGE_APP_WATCHING_H

#include <stdbool.h>

#include "core/base/strlist.h"
#include "core/cache/cache.h"

struct hub;
struct roots;
struct scanning;
struct site;
struct watching;

/* `wanted`: else it does nothing, for a command that looks once. */
struct watching *watching_new(struct hub *hub, struct roots *roots, struct scanning *scanning,
                              bool wanted);
void watching_cancel(struct watching *watching);
void watching_free(struct watching *watching);

/* Sites have been found, or are not there. */
void watching_sites(struct watching *watching);
/* It has been read. */
void watching_cache(struct watching *watching, struct site *site, const struct cache *cache);
/* Its list of directories as it is now: what differs from the rows is looked at. */
void watching_compare(struct watching *watching, struct site *site, struct strlist *names,
                      bool whole_list);

#endif
