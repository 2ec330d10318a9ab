/* Whose the builders' records are. */
#ifndef BILGE_APP_OWNING_H
#define BILGE_APP_OWNING_H

#include <stdbool.h>

#include "core/store/store.h"

/* Works it out where records or caches have moved. `scanning`: more caches are to come. */
void owning_refresh(struct store *store, bool scanning);

#endif
