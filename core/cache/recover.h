/* What a killed bilge left in one cache; remove_recover() does it for a root. */
#ifndef BILGE_CACHE_RECOVER_H
#define BILGE_CACHE_RECOVER_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/cache/aside.h"

/* Puts back or deletes what waits in an open, locked cache. Adds to *ret_count
 * (may be NULL). */
int recover_waiting(struct aside *aside, size_t *ret_count, struct err *err);

#endif
