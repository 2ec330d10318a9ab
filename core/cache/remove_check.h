/* May something go? What remove.c, remove_service.c and recover.c ask. */
#ifndef BILGE_CACHE_REMOVE_CHECK_H
#define BILGE_CACHE_REMOVE_CHECK_H

#include "core/base/err.h"
#include "core/cache/remove.h"

/* ERR_BUSY, with the sign, unless the context says "now". */
int remove_check_busy(const struct remove_context *context, int cache_fd, struct err *err);

/* 0 when the open directory holds nothing but parts of a cache, so that it may
 * go as a whole; else ERR_FOREIGN. */
int remove_check_foreign(int cache_fd, const char *name, struct err *err);

#endif
