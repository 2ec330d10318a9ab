/* May something go, or be pointed elsewhere? What remove.c, recover.c and restore.c ask. */
#ifndef BILGE_CACHE_CHECK_H
#define BILGE_CACHE_CHECK_H

#include "core/base/err.h"
#include "core/cache/remove.h"

/* ERR_BUSY, with the sign, unless the context says "now". */
int check_busy(const struct remove_context *context, int cache_fd, struct err *err);

/* ERR_CHANGED when an export has ended since the cache was shown: see exported_at. */
int check_export(const struct remove_context *context, int cache_fd, struct err *err);

/* ERR_FOREIGN when the open directory is no cache; another error when that can't
 * be told. */
int remove_check_layout(const struct remove_context *context, int cache_fd, struct err *err);

/* 0 when the open directory holds nothing but parts of a cache, so that it may
 * go as a whole; else ERR_FOREIGN, also when something is mounted in it. */
int check_foreign(int cache_fd, const char *name, struct err *err);

#endif
