/* Blocks of a log that memory has no room for: in a file without a name, so
 * that nothing of it stays behind whatever happens. It holds the newest
 * SPILL_MAX_BYTES, and leaves SPILL_SPARE_BYTES of the disk alone. */
#ifndef BILGE_BUILD_SPILL_H
#define BILGE_BUILD_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

#define SPILL_MAX_BYTES (INT64_C(1024) * 1024 * 1024)
#define SPILL_SPARE_BYTES (INT64_C(256) * 1024 * 1024)

struct spill;

/* Blocks of up to `block_bytes`. The directory is made if need be. */
int spill_open(const char *directory, size_t block_bytes, struct spill **ret_spill,
               struct err *err);
void spill_close(struct spill *spill);

/* Adds a block, numbered from 0 for ever. On an error it is not in. */
int spill_add(struct spill *spill, const void *data, size_t len);
/* Blocks in [first, end) can be read. */
uint64_t spill_first(const struct spill *spill);
uint64_t spill_end(const struct spill *spill);
int spill_read(const struct spill *spill, uint64_t number, void *data, size_t len);

#endif
