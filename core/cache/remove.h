/* Removes listed things from cache directories, so that a kill at any instant
 * leaves the cache as before, or smaller and valid, or gone.
 *
 *   blobs:    blobs/sha256/<hex> ─rename─► .bilge-aside/<hex>   (reversible; see aside.h)
 *             a moment later: look at the signs, read all manifests again
 *             ├─ referenced, or an exporter came ─rename─► put back
 *             └─ else ─► unlink
 *   live:     index.json without the entry ─rename─► index.json; its blobs follow
 *   service:  <root>/<name> ─rename─► <root>/.bilge-gone.<name>.<random> ─► unlink all
 *
 * What a killed bilge left is found by remove_recover(). The process that works
 * in a cache directory holds a flock on that directory, so that a second bilge
 * can tell a job under way from one that was abandoned. BuildKit's
 * index.json.lock is never taken here. Everything below an open root
 * descriptor; all names hostile. Blocking: call from a worker thread. */
#ifndef BILGE_CACHE_REMOVE_H
#define BILGE_CACHE_REMOVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/cache/cache.h"

struct remove_context {
    int root_fd;
    const char *root_path;
    const char *name;          /* of the cache directory in the root */
    uint64_t dev, ino;         /* what it was when it was shown */
    const int64_t *exported_at; /* index.json's time then, 0: none; NULL: no matter */
    bool now;                  /* also when busy: the second, explained yes */
    const pid_t *own_sessions; /* see busy.h; NULL: none */
    unsigned settle_ms;        /* "a moment" between setting aside and the second look */
    const atomic_bool *cancel; /* may be NULL */
    /* From the calling thread, after each step; may be NULL. */
    void (*on_progress)(void *arg, int64_t freed_bytes);
    void *arg;
};

/* One listed file and what became of it; or a manifest that index.json is to name
 * no longer, which happens before anything is set aside. */
struct remove_item {
    enum { REMOVE_BLOB, REMOVE_INGEST, REMOVE_LIVE } kind;
    struct digest digest; /* REMOVE_BLOB, REMOVE_LIVE */
    const char *name;     /* REMOVE_INGEST: the entry's name below ingest/ */
    uint64_t ino;         /* what it was when it was shown: another one is skipped */
    int64_t modified_at;  /* REMOVE_LIVE: of index.json */
    /* out */
    int code; /* 0: gone; ERR_CHANGED, ERR_BUSY, ERR_CANCELLED or errno: still there */
    int64_t freed_bytes;
};

/* Removes blobs and ingest leftovers, and what index.json names. Of that some must
 * stay, and all that stays must be whole: else ERR_CHANGED, and nothing is
 * touched. Returns 0 when it ran through or was
 * cancelled (look at each item), ERR_BUSY with the sign in err when the cache is
 * busy (nothing touched, or all put back), or another error that kept it from
 * starting: ERR_FORMAT when what is live can't be told. */
int remove_items(const struct remove_context *context, struct remove_item *items, size_t len,
                 struct err *err);

/* Removes the whole directory. ERR_FOREIGN when it is no OCI layout (nor
 * empty), or holds files beside the layout (a cache may have been exported into
 * somebody's project); ERR_CHANGED when it is not the one that was shown;
 * ERR_BUSY. Once it is renamed aside it goes to the end. */
int remove_service(const struct remove_context *context, int64_t *ret_freed_bytes,
                   struct err *err);

/* Finishes what a killed bilge left in this root: puts back blobs that a
 * manifest needs, unlinks the others, unlinks services that were renamed
 * aside. Leaves alone what a living bilge holds or another user owns. Adds
 * what was finished to *ret_count (may be NULL). */
int remove_recover(int root_fd, const char *root_path, size_t *ret_count, struct err *err);

#endif
