/* What the two forms of bilge status share. */
#ifndef BILGE_CLI_STATUS_PARTS_H
#define BILGE_CLI_STATUS_PARTS_H

#include "core/store/store.h"

void status_print_json(const struct store *store);

/* The row, or the one that it shares its directory with, and the cache in it. */
const struct service *status_owner(const struct store *store, const struct service *service);
const struct cache *status_cache(const struct store *store, const struct service *service);
const char *status_state(const struct store *store, const struct service *service);
/* What is wrong with it, or who may be exporting into it; NULL: nothing. */
const char *status_error(const struct store *store, const struct service *service);

#endif
