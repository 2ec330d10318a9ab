/* What is in the caches: all of a site, one of them, and what a killed bilge left. */
#ifndef BILGE_APP_SCANNING_H
#define BILGE_APP_SCANNING_H

#include <stdbool.h>

#include "core/cache/cache.h"

struct disks;
struct engines;
struct hub;
struct lanes;
struct roots;
struct scanning;
struct services;
struct site;

/* A cache has been read, or is gone. Borrowed. */
typedef void scanning_cache_cb(void *arg, struct site *site, const struct cache *cache);

/* Below it: those that look again when a cache was read. `marks`: the caches are to be
 * watched, see struct scan_spec. */
struct scanning *scanning_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                              struct services *services, struct engines *engines,
                              struct disks *disks, bool marks, scanning_cache_cb *on_cache,
                              void *arg);
void scanning_cancel(struct scanning *scanning);
void scanning_free(struct scanning *scanning);

/* Looks at all sites anew. */
void scanning_look(struct scanning *scanning);
/* Scans one that has been found. */
void scanning_scan(struct scanning *scanning, struct site *site);
/* Is a site being looked for, or read for the first time or anew, that is not silent? */
bool scanning_is_on(struct scanning *scanning);
/* Puts it into store.scanning whether anything is being read. */
void scanning_note(struct scanning *scanning);

/* Looks again at one directory. `for_request`: planning and pruning count it. */
void scanning_rescan(struct scanning *scanning, const char *path, bool for_request);
/* Rescans that planning or pruning still waits for. */
bool scanning_is_waited_for(struct scanning *scanning);

/* Looks for what a killed bilge left: in this site, or (NULL) in all of them. */
void scanning_look_unfinished(struct scanning *scanning, struct site *site);
/* Finishes what is left where it is known that there is some; then calls back, never
 * before it returns. */
void scanning_finish(struct scanning *scanning, void (*then)(void *arg), void *arg);

/* What is looked for or finished in a site that does not answer is not waited for. */
void scanning_give_up(struct scanning *scanning, struct site *site);
/* Rows of roots that do not answer are not known any more: no plan is made of them. */
void scanning_forget_silent(struct scanning *scanning);

#endif
