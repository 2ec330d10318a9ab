/* Where the caches are, what is in them, and the rows that show them. */
#ifndef BILGE_BILGE_CACHES_H
#define BILGE_BILGE_CACHES_H

#include "core/bilge/parts.h"

/* ---- roots */
/* Does an OCI layout lie there? */
bool roots_is_layout(const char *path);
void roots_from_options(struct bilge *bilge);
/* Puts the canonical form into the project's cache paths. */
void roots_resolve_project(struct compose_project *project);
void roots_from_project(struct bilge *bilge);
/* Where the project's paths reach a root by another of its names (a bind mount),
 * they get the root's own. */
void roots_meet_project(struct bilge *bilge);
/* The root that the directory lies in; NULL: none of ours. */
const struct cache_root *roots_of(const struct store *store, const char *path);

/* ---- services */
void services_join(struct bilge *bilge);
/* Sets the rows' signs of our own builds. */
void services_mark_builds(struct bilge *bilge);

/* ---- caches */
void caches_scan(struct bilge *bilge);
/* Looks for what a killed bilge left, in the roots from this index on: into
 * store.unfinished. */
void caches_look_unfinished(struct bilge *bilge, size_t first);
/* Finishes it, then calls `then` on the loop, not before this returns; also when
 * the object is closing. What it came to is in store.finished and .unfinished. */
void caches_finish(struct bilge *bilge, void (*then)(void *arg), void *arg);
/* Looks again at one directory. `for_request`: planning and pruning count it. */
void caches_rescan(struct bilge *bilge, const char *path, bool for_request);
/* A cache has been read: it takes its place in the store. */
void caches_put(struct bilge *bilge, const char *path, struct cache *takes);
/* Puts it into store.scanning whether anything is being read. */
void caches_note_scanning(struct bilge *bilge);
/* Rescans that planning or pruning still waits for. */
bool caches_waited_for(const struct bilge *bilge);
void caches_cancel(struct bilge *bilge);
struct cache *caches_missing(const char *path);

/* ---- rescans: single caches */
void rescans_cancel(struct bilge *bilge);

/* ---- watching */
void watching_open(struct bilge *bilge);
/* A root was listed, or is not there yet. */
void watching_root(struct bilge *bilge, size_t root, bool exists);
void watching_cache(struct bilge *bilge, const char *path, bool exists);
void watching_close(struct bilge *bilge);

#endif
