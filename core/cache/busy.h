/* Signs that something may be exporting into a cache directory just now.
 * No lock protects an export (see the facts in layout.h), so a removal leaves
 * a cache alone while any sign stands:
 *   - ingest/ data touched within the grace period;
 *   - a blob newer than index.json and younger than the grace period;
 *   - a building client among the processes;
 *   - where not all who may build are among the processes that can be seen (in a
 *     container, on a network file system): something was made or removed in the
 *     directory itself within the grace period, and index.json is older. Clients
 *     make index.json.lock when a build reads the cache, and .fsverity-check-* when
 *     one is about to write to it, and remove them at once;
 *   - told by the caller: our own build; a source.local record in use that was
 *     never used. */
#ifndef BILGE_CACHE_BUSY_H
#define BILGE_CACHE_BUSY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/cache/cache.h"

#define BUSY_GRACE_SECONDS 600

/* Whether something modified at this time may still be written to: within the
 * grace period of `now`, before or after it (clocks of files may run ahead; a
 * time that lies further in the future says nothing). */
bool busy_is_fresh(int64_t modified_at, int64_t now);

/* Lines for a person. The caller frees them. */
char *busy_ingest_sign(int64_t modified_at, int64_t now);
char *busy_blob_sign(int64_t modified_at, int64_t now);
char *busy_opened_sign(int64_t opened_at, int64_t now);

/* When something was last made or removed in the open cache directory itself, if that
 * counts as a sign here; else 0. */
int64_t busy_touched_at(int cache_fd);
/* Sets that back to what it was before bilge itself made or removed something there,
 * which is no sign. If somebody else did, too, it must have been read after that. */
void busy_keep_time(int cache_fd, int64_t touched_at);
/* Has it been opened by a build since the last export, and a moment ago? */
bool busy_is_opened(int64_t touched_at, int64_t exported_at, int64_t now);

/* A building client (docker compose … build or up --build, docker-compose,
 * docker-buildx, docker build, docker buildx build/bake, buildctl build) among
 * all processes that can be seen. Those in session `own_session` are left out
 * (our own builds run in sessions of their own; a list that 0 ends; NULL for
 * none). Gives a line such as "docker compose build api (pid 4711)", or NULL.
 * Reads /proc; where there is none it finds nothing; when it can't be read that is
 * the line. Any thread. */
char *busy_building_client(const pid_t *own_sessions);

/* The file signs of one cache directory, afresh from the disk. `cache_fd` is
 * the open directory. Gives a line, or NULL. What can't be read is a sign: nobody
 * knows what goes on there. Any thread. */
char *busy_file_signs(int cache_fd, int64_t now);

#endif
