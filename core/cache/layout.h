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
 * All text here is hostile: sizes and depth are capped, and nothing is built of
 * what is not asked for.
 * Sources: OCI image-spec; moby/buildkit client/ociindex, cache/remotecache. */
#ifndef BILGE_CACHE_LAYOUT_H
#define BILGE_CACHE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/cache/cache.h"

#define LAYOUT_MAX_BYTES (4 << 20) /* of one document: containerd's own limit */
#define LAYOUT_MIN_BYTES 100       /* a manifest that names anything is larger */

/* What a document refers to. */
struct descriptor {
    struct digest digest;
    int64_t size_bytes; /* -1: not told */
    int64_t created_at; /* buildkit/createdat; 0: not told */
    char *tag;          /* org.opencontainers.image.ref.name; NULL: none */
    uint8_t role;       /* enum blob_role */
};

struct manifest {
    struct descriptor *descriptors;
    size_t len;
    /* A descriptor that can't be followed (another algorithm, no digest at
     * all, "../" in it): what is wrong with the first. NULL: none. */
    char *odd;
    size_t odd_count;
};

/* ERR_FORMAT when it is no index and no manifest, ERR_LIMIT past a cap. A
 * cache config is neither. The caller frees the parts with manifest_done(). */
int manifest_parse(const char *json, size_t len, struct manifest *ret_manifest, struct err *err);
void manifest_done(struct manifest *manifest);

/* Reads index.json of the open cache directory. One that is damaged and has
 * just been written is read again a moment later: it may be under way. -ENOENT,
 * ERR_FORMAT, ERR_LIMIT, ERR_FOREIGN (no regular file), or another error. */
int index_read(int cache_fd, struct manifest *ret_index, struct err *err);

/* Whether an open directory is an OCI layout, from its oci-layout file or its
 * blobs/sha256. */
bool cache_has_layout(int cache_fd);
/* The same: 1 or 0; a negative errno code when that can't be told. */
int cache_find_layout(int cache_fd);

/* What clients and bilge leave in a cache directory for moments. */
bool cache_is_temporary(const char *name);
/* Of these, what bilge does. */
bool cache_is_ours(const char *name);

/* What bilge has set aside lies in this directory of the cache, or, on a disk
 * too full for one more directory, beside it as ".bilge-aside.<name>": blobs by
 * their hex digits, entries of ingest/ as "ingest.<name>". */
#define CACHE_ASIDE ".bilge-aside"
bool cache_is_aside(const char *name);

/* A service that is being removed, in the cache root, and the note in it that
 * says so: see remove.h. */
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
