/* Removes listed things from cache directories, so that a kill at any instant
 * leaves the cache as before, or smaller and valid, or gone.
 *
 *   blobs:    blobs/sha256/<hex> ─rename─► .bilge-aside/<hex>   (reversible; see aside.h)
 *             a moment later: look at the signs, read all manifests again
 *             ├─ referenced, or an exporter came ─rename─► put back
 *             └─ else ─► unlink
 *   live:     index.json without the entry ─rename─► index.json; its blobs follow
 *   service:  a note into it, <root>/<name> ─rename─► <root>/.bilge-away.<name>.…
 *             (see note.h); look again, as from here on none comes in by the path
 *             ├─ an exporter came ─rename─► put back (see away.h)
 *             └─ else ─rename─► <root>/.bilge-gone.<name>.… ─► unlink all, the note last
 *
 * What a killed bilge left is told by remove_unfinished(), which changes nothing,
 * and finished by remove_recover(). The process that works in a cache directory
 * holds a flock on that directory, so that a second bilge can tell a job under
 * way from one that was abandoned. BuildKit's index.json.lock is never taken
 * here. Everything below an open root descriptor; all names hostile; what is
 * mounted somewhere is left alone. Blocking: call from a worker thread. */
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
    const char *name;           /* of the cache directory in the root */
    uint64_t dev, ino;          /* what it was when it was shown */
    const int64_t *exported_at; /* index.json's time then, 0: none; NULL: no matter */
    bool now;                   /* also when busy: the second, explained yes */
    const pid_t *own_sessions;  /* see busy.h; NULL: none */
    const char *build_sign;     /* that a build runs, as builders tell; NULL: none */
    unsigned settle_ms;         /* "a moment" between setting aside and the second look */
    const atomic_bool *cancel;  /* may be NULL */
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
 * empty), holds files beside the layout (a cache may have been exported into
 * somebody's project), or has something mounted in it; ERR_CHANGED when it is not
 * the one that was shown; ERR_BUSY. Once it is decided it goes to the end: what
 * can't be removed is the error, the rest goes. */
int remove_service(const struct remove_context *context, int64_t *ret_freed_bytes, struct err *err);

/* ---- what an earlier bilge began and did not end */

enum unfinished_kind {
    UNFINISHED_REMOVAL, /* a cache directory that was going */
    UNFINISHED_AWAY,    /* one that was renamed aside only: it may still be wanted */
    UNFINISHED_ASIDE,   /* blobs and entries of ingest/ that were set aside in a cache */
    UNFINISHED_WRITE,   /* temporary files of ours in a cache */
    UNFINISHED_FOREIGN, /* named like one of these, and not ours: never touched */
    UNFINISHED_UNKNOWN, /* what is there can't be read */
};
/* "removal", "aside", ... as --json prints them. Static text. */
const char *unfinished_kind_name(enum unfinished_kind kind);

struct unfinished {
    enum unfinished_kind kind;
    char *root, *only; /* that were looked at; only NULL: all of the root */
    char *path;        /* of the cache directory, or of what was renamed */
    size_t items;      /* blobs, entries or files */
    char *error;       /* why it could not be finished, or read; NULL: none */
};

struct unfinished_list {
    struct unfinished *items;
    size_t len, cap;
};
void unfinished_done(struct unfinished_list *list);

/* For a person, without what becomes of it: "an interrupted removal is left in
 * ROOT/api (12 blobs set aside)"; or, for one that is not left any more,
 * "an interrupted removal in …". The caller frees it. */
char *unfinished_text(const struct unfinished *unfinished, bool is_left);

/* Adds what is left in this root; in the cache `only` and of it, unless that is
 * NULL. Changes nothing. What a living bilge works at is none of it. */
void remove_unfinished(int root_fd, const char *root_path, const char *only,
                       struct unfinished_list *list);

/* Finishes it: puts back what was set or renamed aside, for it may be needed by now;
 * unlinks cache directories that were going, and temporary files. Adds all that it
 * met to the list; what could not be finished has an error, which is returned, the
 * first of them. What is foreign stays. */
int remove_recover(int root_fd, const char *root_path, const char *only,
                   struct unfinished_list *list, struct err *err);

#endif
