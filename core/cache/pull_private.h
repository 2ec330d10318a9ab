/* Private to core/cache/pull*. */
#ifndef BILGE_CACHE_PULL_PRIVATE_H
#define BILGE_CACHE_PULL_PRIVATE_H

#include "core/cache/pull.h"

/* The four digits of a \u; -1: they are none. */
int pull_hex4(const char *at, const char *end);

#endif
