/* Tells when cache directories change, by uv_fs_event (inotify, FSEvents, …),
 * so that nothing is scanned on a timer. Where watches run out or the file
 * system has none, the directories' times are compared every few seconds. */
#ifndef BILGE_CACHE_WATCH_H
#define BILGE_CACHE_WATCH_H

#include <uv.h>

struct watch;

/* Something in cache `name` of the root changed; name NULL: the root's own
 * list. Bursts are gathered: called once they have been quiet for a moment, at
 * the latest every two seconds. */
typedef void watch_cb(void *arg, const char *root, const char *name);

struct watch *watch_new(uv_loop_t *loop, watch_cb *on_change, void *arg);
/* Both may be called again for what is already watched. Paths are copied. */
void watch_add_root(struct watch *watch, const char *root);
void watch_add_cache(struct watch *watch, const char *root, const char *name);
void watch_remove_cache(struct watch *watch, const char *root, const char *name);
/* No callback any more; the memory goes when libuv has closed the handles. */
void watch_free(struct watch *watch);

#endif
