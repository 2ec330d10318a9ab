/* Private to core/store/store*: what its halves share. */
#ifndef BILGE_STORE_STORE_PRIVATE_H
#define BILGE_STORE_STORE_PRIVATE_H

#include "core/store/store.h"

/* One zeroed element more, at the end: returns the array. They are short and
 * rarely grow. */
void *store_grow(void *items, size_t *len, size_t item_size);
/* The element at `index` is done with: those behind it move up. */
void store_close_gap(void *items, size_t *len, size_t index, size_t item_size);

/* Free what they hold. */
void store_services_done(struct store *store);
void store_known_done(struct store *store);
void store_builder_done(struct builder *builder);
void store_builds_done(struct store *store);

#endif
