/* What is in the caches: all of a site, one of them, and what a killed bilge left. */
#ifndef BILGE_APP_SCANNING_H
#define BILGE_APP_SCANNING_H

#include "core/app/roots.h"

/* Looks at all sites anew. */
void caches_scan(struct bilge *bilge);
/* Scans one that has been found. */
void caches_scan_site(struct site *site);
/* Is a site being looked for, or read for the first time or anew, that is not silent? */
bool caches_scanning(const struct bilge *bilge);
/* Looks for what a killed bilge left: in this site, or (NULL) in all of them. */
void caches_look_unfinished(struct bilge *bilge, struct site *site);
/* Finishes what is left where it is known that there is some; then calls back, never
 * before it returns. */
void caches_finish(struct bilge *bilge, void (*then)(void *arg), void *arg);
/* Looks again at one directory. `for_request`: planning and pruning count it. */
void caches_rescan(struct bilge *bilge, const char *path, bool for_request);
/* A cache has been read: it takes its place in the store. */
void caches_put(struct bilge *bilge, const char *path, struct cache *takes);
/* Puts it into store.scanning whether anything is being read. */
void caches_note_scanning(struct bilge *bilge);
/* Rescans that planning or pruning still waits for. */
bool caches_waited_for(const struct bilge *bilge);
/* What is looked for or finished in a site that does not answer is not waited for. */
void caches_give_up(struct site *site);
/* Rows of roots that do not answer are not known any more: no plan is made of them. */
void caches_forget_silent(struct bilge *bilge);
void caches_cancel(struct bilge *bilge);


void rescans_cancel(struct site *site);

#endif
