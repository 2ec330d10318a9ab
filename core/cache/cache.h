/* What one local cache directory holds, as a scan found it.
 *
 * BuildKit's type=local exporter writes an OCI image layout: oci-layout,
 * index.json, blobs/sha256/<hex>, and ingest/ for writes under way. At each
 * export only index.json is replaced. The cache manifest that it named before
 * stays on disk as a blob; so do the layers that only that manifest reaches.
 *
 *      index.json ──► manifest ──► config, layers      the live generation
 *                     manifest ──► config, layers      an older generation
 *                                          layer       an orphan
 *
 * What is a build cache? A layout in which a manifest leads to a BuildKit cache
 * config (application/vnd.buildkit.cacheconfig.v0), as its `config` or among an
 * index's `manifests`, maybe through other indexes. An image has the same files
 * and no such thing. So that nobody's image goes with a cache, all manifests count
 * that no other manifest names, those that index.json names and old ones alike:
 * one must lead there, and none may lead elsewhere. A layout in which an image
 * lies beside a cache is foreign as a whole. So is one without any manifest, such
 * as a first export that was interrupted leaves: nothing in it says what it is.
 *
 * A struct cache is made by a scan, is never changed afterwards, and may be
 * read from any thread. Sources of the formats: OCI image-spec (image-layout,
 * descriptor, manifest, index); moby/buildkit cache/remotecache/v1/spec.go for
 * the cache config. */
#ifndef BILGE_CACHE_CACHE_H
#define BILGE_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/oci/digest.h"
#include "core/oci/layout.h"

enum cache_state {
    CACHE_OK,
    CACHE_EMPTY,      /* a directory without a file in it */
    CACHE_MISSING,    /* no such directory */
    CACHE_BROKEN,     /* index.json or what it reaches was read and is wrong, see problems */
    CACHE_BUSY,       /* somebody may be exporting into it, see busy_sign */
    CACHE_FOREIGN,    /* no build cache: shown, never emptied */
    CACHE_UNREADABLE, /* something that tells what it is or holds could not be read */
};
/* "ok", "empty", ... as --json prints them. Static text. */
const char *cache_state_name(enum cache_state state);

enum blob_class { BLOB_ORPHAN, BLOB_OLDER, BLOB_LIVE };

#define CACHE_NONE UINT32_MAX /* no index */

/* A file in blobs/sha256 whose name is a digest. */
struct cache_blob {
    struct digest digest;
    int64_t size_bytes;      /* apparent size */
    int64_t allocated_bytes; /* on disk */
    int64_t modified_at;     /* first seen here: never refreshed by an export */
    int64_t created_at;      /* buildkit/createdat of the layer; 0: not known */
    uint64_t ino;
    uint32_t nlink;
    uint32_t generations; /* how many generations reach it, the live ones too */
    uint8_t class;        /* enum blob_class; the strongest that holds */
    uint8_t role;         /* enum blob_role */
    bool unread;          /* it was to be read, and could not be */
};

/* One export: a manifest and all that it reaches. */
struct cache_generation {
    struct digest manifest;
    char *tag;           /* org.opencontainers.image.ref.name, several joined by ", "; NULL: none */
    int64_t exported_at; /* live: index.json's mtime; older: the manifest blob's */
    bool live;
    bool cache, other; /* it leads to a BuildKit cache config, and nowhere else; or it
                        * leads elsewhere. Neither: a manifest that could tell is gone */
    bool unknown;      /* a manifest of it is there and is not understood */
    bool whole;        /* every blob that it reaches is there with its right size */
    bool shrunken;     /* live, and its layers are a proper subset of the previous one's */
    bool fuller;       /* older: that previous one, from which a live one has shrunk */
    uint32_t *blobs;   /* indices into cache.blobs, ascending, manifest included */
    size_t blobs_len;
    int64_t reach_bytes;  /* allocated bytes of these blobs */
    int64_t unique_bytes; /* of those that no other generation reaches */
};

/* What lies in the directory beside blobs, index.json and oci-layout. */
enum leftover_kind {
    LEFTOVER_INGEST,    /* ingest/<name>: a write under way, or an abandoned one */
    LEFTOVER_TEMPORARY, /* index.json.lock, .fsverity-check-*, our own temporary files */
    LEFTOVER_ASIDE,     /* blobs that a bilge set aside and did not finish with */
    LEFTOVER_OTHER,     /* a file that is no part of the layout: never touched */
};
struct cache_leftover {
    enum leftover_kind kind;
    char *name;              /* below the cache directory: "ingest/3f…"; raw bytes */
    int64_t allocated_bytes; /* with all below it, but for files that have other names too */
    int64_t own_bytes;       /* of the entry itself */
    int64_t modified_at;     /* the newest below it */
    uint64_t ino;
};

enum problem_kind {
    PROBLEM_MISSING,
    PROBLEM_SIZE,
    PROBLEM_DIGEST,
    PROBLEM_INDEX,
    PROBLEM_FOREIGN,
    PROBLEM_UNREADABLE, /* it could not be read, so nothing is known of it: no damage */
};
const char *problem_kind_name(enum problem_kind kind); /* "missing", ... as --json prints */
struct cache_problem {
    enum problem_kind kind;
    bool has_digest;
    struct digest digest;
    char *detail; /* one line for a person, with the consequence */
};

struct cache {
    char *name;        /* the directory's name: the service it belongs to; raw bytes */
    char *path;        /* absolute, for people; work goes through descriptors */
    uint64_t dev, ino; /* of the directory: a later open must meet the same one */
    uint32_t uid;
    enum cache_state state;
    char *busy_sign; /* what makes it busy, for a person; NULL unless CACHE_BUSY */
    char *error;     /* one line; NULL when all is well */
    int64_t scanned_at;
    uint64_t mark;          /* watch_mark() then; 0: not known */
    int64_t last_export_at; /* index.json's mtime; 0: none */
    int64_t touched_at;     /* see busy_touched_at() */

    /* Allocated bytes. size = live + older + orphans + ingest + other, hard
     * links once, directories included (they and index.json are `other`). */
    int64_t size_bytes;
    int64_t live_bytes;
    int64_t older_bytes;
    int64_t orphan_bytes;
    int64_t ingest_bytes;
    int64_t other_bytes;
    /* Of size: in files that have a hard link outside this directory too, so
     * that removing the directory does not give them back. */
    int64_t shared_bytes;
    uint64_t files; /* all files and directories met */

    struct cache_blob *blobs; /* ascending by digest */
    size_t blobs_len;
    struct cache_generation *generations; /* live ones first, then newest first */
    size_t generations_len;
    struct cache_leftover *leftovers;
    size_t leftovers_len;
    struct cache_problem *problems; /* capped; problems_total counts all */
    size_t problems_len;
    size_t problems_total;

    /* index.json or a live manifest is there and could not be read or is not
     * understood: what is live is not known, so nothing is removed but the whole
     * directory. index_unknown: it is index.json itself. */
    bool live_unknown, index_unknown;
    bool has_index; /* there is an index.json */
    /* Nothing that was read says that this is a build cache. With CACHE_BROKEN,
     * when the manifests are damaged or gone that could tell, and CACHE_BUSY, when
     * they may still come: else it is CACHE_FOREIGN. */
    bool unproven;
};

/* Why nothing in the directory may be changed or deleted, whoever asks: it is no
 * build cache, not surely one, or could not be read. NULL: it may. Borrowed. */
const char *cache_untouchable(const struct cache *cache);

/* One after the other of a generation's tags: *next begins as its `tag`. Gives what
 * stands there, *ret_len long and without a NUL; NULL: no more. */
const char *cache_next_tag(const char **next, size_t *ret_len);

/* Blobs, generations, leftovers and problems go. */
void cache_forget(struct cache *cache);
/* One of which nothing is known but its place (absolute): it is not there. */
struct cache *cache_missing(const char *path);
void cache_free(struct cache *cache);
struct cache *cache_copy(const struct cache *cache);

/* older + orphans + abandoned ingest: what no live generation reaches. Without
 * the blobs when live_unknown. */
int64_t cache_garbage_bytes(const struct cache *cache);
/* When something was last written into the directory: its last export, a blob, a
 * write under way. 0: not known. */
int64_t cache_written_at(const struct cache *cache);
/* How many layers of the export before a shrunken live generation has lost; 0
 * when none has shrunken. *ret_fuller: which generation has them. */
size_t cache_lost_layers(const struct cache *cache, uint32_t *ret_fuller);
/* What a build will meet that uses this cache, in one line; NULL: nothing odd.
 * Static text. */
const char *cache_trouble(const struct cache *cache);
/* Index of the blob, or CACHE_NONE. */
uint32_t cache_find_blob(const struct cache *cache, const struct digest *digest);

/* What is wrong with a cache, told in words with what follows from it. */
/* Appends a problem, unless there are too many, or the same one of the same
 * digest is there (a layer may be listed several times). Takes detail. */
void cache_add_problem(struct cache *cache, enum problem_kind kind, const struct digest *digest,
                       char *detail);

/* Takes those of a kind back: they were not seen, rather than gone. */
void cache_drop_problems(struct cache *cache, enum problem_kind kind);

/* `who` names what is gone. */
void report_missing(struct cache *cache, const char *who, const struct descriptor *missing);
/* A blob has `found` bytes, and should have others. */
void report_size(struct cache *cache, const struct descriptor *wanted, int64_t found);
/* What of a document is not understood, if anything is not. Sets live_unknown. */
void report_odd(struct cache *cache, const char *who, const struct manifest *manifest);
/* A manifest that is there and can't be read, or makes no sense: what it keeps
 * alive is unknown. Sets live_unknown. */
void report_unread(struct cache *cache, const struct digest *digest, const struct err *err);

#endif
