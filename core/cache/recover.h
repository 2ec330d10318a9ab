/* Between remove.c, which sets aside, and recover.c, which finishes. */
#ifndef BILGE_CACHE_RECOVER_H
#define BILGE_CACHE_RECOVER_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/cache/aside.h"
#include "core/cache/remove.h"

/* ERR_BUSY, with the sign, unless the context says "now". */
int remove_check_busy(const struct remove_context *context, int cache_fd, struct err *err);

/* Puts back or deletes what waits in an open, locked cache: left by a bilge
 * that was killed. Adds to *ret_count (may be NULL). */
int recover_waiting(struct aside *aside, size_t *ret_count, struct err *err);

/* 0 when the open directory holds nothing but parts of a cache, so that it may
 * go as a whole; else ERR_FOREIGN. */
int remove_check_foreign(int cache_fd, const char *name, struct err *err);

#endif
