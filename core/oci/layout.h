/* Reads the JSON of an OCI image layout: index.json, and the manifests that it
 * leads to. What BuildKit's cache exporter writes:
 *
 *   index.json     {"manifests":[{mediaType, digest, size, annotations:{ref.name: tag}}, …]}
 *   old form       an index (or a docker manifest list) whose `manifests` are
 *                  the layers and the cache config
 *   new form       a manifest: `config` is the cache config, `layers` the layers
 *
 * The same layer may be listed several times. index.json is written in place,
 * then cut to length: a reader may meet it half-way. Blobs are written once,
 * under ingest/, and renamed into place. Nothing locks an export; index.json.lock
 * is held for the moment of reading or writing index.json only.
 *
 * This is the only reader of these documents: scan, verify, repair, restore and
 * removal all see the same. What decides which blobs are in use is read whole or
 * not at all: a document that holds anything there that is not understood says so
 * (manifest.odd), and then nobody may act as if he knew what is in use. BuildKit
 * reads with Go's encoding/json, which takes a member's name in any case, and of
 * two of one name the last: neither is written by any exporter, so both are odd.
 *
 * All text here is hostile: sizes and depth are capped, and nothing is built of
 * what is not asked for.
 * Sources: OCI image-spec; moby/buildkit client/ociindex, cache/remotecache;
 * Go's encoding/json. */
#ifndef BILGE_OCI_LAYOUT_H
#define BILGE_OCI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/oci/digest.h"

#define LAYOUT_MAX_BYTES (4 << 20) /* of one document: containerd's own limit */
#define LAYOUT_MIN_BYTES 100       /* a manifest that names anything is larger */

#define LAYOUT_TAG "org.opencontainers.image.ref.name"
#define LAYOUT_INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define LAYOUT_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* What a blob is to who refers to it. */
enum blob_role { BLOB_UNKNOWN, BLOB_LAYER, BLOB_CONFIG, BLOB_MANIFEST };

/* What a document refers to. */
struct descriptor {
    struct digest digest;
    int64_t size_bytes;  /* -1: not told */
    int64_t created_at;  /* buildkit/createdat; 0: not told */
    char *tag;           /* org.opencontainers.image.ref.name; NULL: none */
    uint8_t role;        /* enum blob_role */
    bool unknown_type;   /* in `manifests`, of no type that is known: maybe a manifest */
    uint32_t start, end; /* where it stands in the text */
};

struct manifest {
    struct descriptor *descriptors;
    size_t len;
    bool is_index;          /* it has `manifests`; else it has `config` and `layers` */
    bool is_cache;          /* it names a BuildKit cache config where BuildKit's exporter does */
    const char *media_type; /* static text; NULL: not told */
    uint32_t list_start, list_end; /* between the brackets of `manifests`; 0: it has none */
    /* What of it is not understood: the first such thing, in clean words. NULL: nothing. */
    char *odd;
    size_t odd_count;
};

/* ERR_FORMAT when it is no index and no manifest, ERR_LIMIT past a cap. A
 * cache config is neither. The caller frees the parts with manifest_done(). */
int manifest_parse(const char *json, size_t len, struct manifest *ret_manifest, struct err *err);
void manifest_done(struct manifest *manifest);

/* index.json as it stood on the disk at one moment. */
struct index_file {
    bool exists;
    uint64_t dev, ino;
    int64_t modified_at;
    uint32_t uid, gid, mode;
    struct buf text;
};

/* Reads index.json of the open cache directory, and what it says. 0 also when
 * there is none: then file->exists is false and the index is empty. One that is
 * damaged and has just been written is read again a moment later: it may be under
 * way. ERR_FORMAT and ERR_LIMIT when it is no index that is understood, any other
 * error when it can't be read; then *ret_index is empty. The caller frees both
 * parts, after an error too; ret_file may be NULL. */
int index_read(int cache_fd, struct index_file *ret_file, struct manifest *ret_index,
               struct err *err);
/* What it says. ERR_FORMAT, ERR_LIMIT. */
int index_parse(const struct index_file *file, struct manifest *ret_index, struct err *err);
void index_file_done(struct index_file *file);

/* Whether a code of reading a document says that it could not be read, rather
 * than that it was read and is wrong, or is not there. Such a document is neither
 * damaged nor empty: nothing is known of it. */
bool layout_is_unread(int code);

/* Whether an open directory is an OCI layout: it has the file oci-layout, or the
 * directory blobs/sha256, or an index.json that is an image index. 1 or 0; a
 * negative errno code when that can't be told. A layout need not be a build cache. */
int cache_find_layout(int cache_fd);
bool cache_has_layout(int cache_fd);

/* What clients and bilge leave in a cache directory for moments. */
bool cache_is_temporary(const char *name);
/* Of these, what bilge does. */
bool cache_is_ours(const char *name);

/* What bilge has set aside lies in this directory of the cache, or, on a disk
 * too full for one more directory, beside it as ".bilge-aside.<name>": blobs by
 * their hex digits, entries of ingest/ as "ingest.<name>". */
#define CACHE_ASIDE ".bilge-aside"
bool cache_is_aside(const char *name);

/* The directories that every layout has: in one, neither is a cache of its own. */
bool cache_is_part(const char *name);

/* A service that is being removed, in the cache root: before it is decided, and
 * after. And the note in it that
 * says so: see remove.h. */
#define CACHE_AWAY ".bilge-away."
#define CACHE_GONE ".bilge-gone."
#define CACHE_NOTE ".bilge-removing"

/* The times of a cache config's layers, for those whose descriptor tells none. */
struct layer_time {
    struct digest digest;
    int64_t created_at;
};
int cacheconfig_parse(const char *json, size_t len, struct layer_time **ret_times, size_t *ret_len,
                      struct err *err);

/* Opens blobs/sha256 of an open cache directory. *ret_fd is the caller's. */
int cache_open_blobs(int cache_fd, int *ret_fd, struct err *err);

#endif
