/* Tells when something changes in one cache root, by uv_fs_event (inotify, FSEvents,
 * …), so that nothing is scanned on a timer. Where watches run out, or the file
 * system tells of nothing, the directories' times are compared every few seconds.
 *
 * What is to be watched is looked up on the root's lane; on the loop only open
 * directories are used, and those of file systems that hang are not. */
#ifndef BILGE_CACHE_WATCH_H
#define BILGE_CACHE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/lane.h"
#include "core/cache/root.h"

struct watch;

/* Something in cache `name` of the root changed; `layout`: an OCI layout lies in it.
 * name NULL: the root's own list, or what was waited for has come. Bursts are
 * gathered: called once they have been quiet for a moment, at the latest every two
 * seconds. It may call the functions below, watch_free() too. */
typedef void watch_cb(void *arg, const char *name, bool layout);

struct watch *watch_new(uv_loop_t *loop, struct lane *lane, watch_cb *on_change, void *arg);

/* From now on it is this directory (held); what was watched in another one is
 * forgotten. */
void watch_enter(struct watch *watch, struct root *root);
/* It is not there: waits until something comes on the way to `path`. */
void watch_wait(struct watch *watch, const char *path);

/* In the root. All may be called again for what is watched already. The list is told of
 * once when it is watched: it may have changed before. A cache is when it has changed
 * since its scan: that began at `since`, and `mark` is watch_mark() at that time. */
void watch_add_list(struct watch *watch);
void watch_add_cache(struct watch *watch, const char *name, int64_t since, uint64_t mark);
/* A name that is not there yet; that name alone is told of. */
void watch_add_coming(struct watch *watch, const char *name);
void watch_remove_cache(struct watch *watch, const char *name);
void watch_remove_coming(struct watch *watch, const char *name);

/* A number that changes with what is watched of a cache directory, never 0. Blocking. */
uint64_t watch_mark(int root_fd, const char *name);

/* No callback any more; the memory goes when libuv has closed the handles and the
 * lane has ended its work. NULL is fine. */
void watch_free(struct watch *watch);

#endif
