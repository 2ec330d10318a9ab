/* SHA-256 of a blob's content, by libcrypto. bilge can be built without it;
 * then blobs are checked for presence and size only, and that is said. */
#ifndef BILGE_OCI_BLOB_HASH_H
#define BILGE_OCI_BLOB_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/oci/digest.h"

bool blob_hash_available(void);

/* Called with the bytes read so far of this file; false stops (ERR_CANCELLED). */
typedef bool hash_progress_cb(void *arg, int64_t bytes);

/* Hashes a regular file below dirfd from its beginning to its end. on_progress
 * may be NULL. ERR_UNSUPPORTED without libcrypto. Blocking; any thread. */
int blob_hash_file(int dirfd, const char *name, hash_progress_cb *on_progress, void *arg,
                   struct digest *ret_digest, struct err *err);

#endif
