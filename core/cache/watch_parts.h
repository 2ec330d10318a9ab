/* Private to core/cache/watch*:
 *
 *   targets (watch.c)   what is watched: roots and caches
 *   eyes                libuv's watches on a target's directories ──► bursts
 *   polls               looks at the times of what has no eyes    ──► bursts
 *   bursts              tells of a target once it has been quiet for a moment */
#ifndef BILGE_CACHE_WATCH_PARTS_H
#define BILGE_CACHE_WATCH_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/hash.h"
#include "core/cache/watch.h"

#define WATCH_PARTS 4 /* of glance_cache_parts */

/* One watched directory. Lives until libuv has closed it. */
struct eye {
    uv_fs_event_t event;
    struct watch *watch;
    struct target *target; /* NULL: it is being closed */
    char *only;            /* tells of this name only; NULL: of all */
    uint64_t dev, ino;
    unsigned seen; /* events since it was last looked after */
    bool resting;  /* it has seen too many */
};

/* A root (name NULL) or a cache. */
struct target {
    UT_hash_handle hh; /* by the key */
    char *key;         /* what kind it is, and its path: 'r' or 'c' before it */
    char *root, *name;
    const char *path; /* part of the key */
    struct eye *eyes[WATCH_PARTS];
    bool polled;                /* can't be watched */
    uint64_t glance;            /* 0: none yet */
    uint64_t first_ms, last_ms; /* of a burst of events; 0: quiet */
    bool flooded;               /* an eye rests: the burst takes its full time */
    bool told;                  /* something of it has changed; else others' things have */
};

struct watch {
    uv_loop_t *loop;
    uv_timer_t burst, poll;
    watch_cb *on_change;
    void *arg;
    struct target *targets; /* a table: there may be very many */
    size_t pending; /* handles and requests that libuv still knows */
    bool looking;
    bool freed;
};

/* One handle or request less; the last one frees it. */
void watch_release(struct watch *watch);

/* NULL: it is not watched (any more). */
struct target *watch_target(const struct watch *watch, bool is_cache, const char *path);

/* Opens what is not open yet and replaces what is not the same directory any
 * more; what can't be watched is polled. */
void eyes_open(struct watch *watch, struct target *target);
/* Is it a root that is not there yet? */
bool eyes_wait(const struct target *target);
void eye_close(struct eye **slot);

/* From now on its times are looked at. */
void polls_add(struct watch *watch, struct target *target);

/* `told`: it is the target that has changed. */
void bursts_note(struct watch *watch, struct target *target, bool told);
void bursts_note_change(struct watch *watch, struct target *target);

#endif
