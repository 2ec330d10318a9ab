/* What a killed bilge left in one cache; remove_recover() does it for a root. */
#ifndef BILGE_CACHE_RECOVER_H
#define BILGE_CACHE_RECOVER_H

#include "core/base/err.h"
#include "core/cache/aside.h"

/* Puts back or deletes what waits in an open, locked cache. */
int recover_waiting(struct aside *aside, struct err *err);

#endif
