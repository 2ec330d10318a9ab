/* Private to core/prune: records in words. The callers free the texts. */
#ifndef BILGE_PRUNE_RECORD_WORDS_H
#define BILGE_PRUNE_RECORD_WORDS_H

#include <stdbool.h>

#include "core/store/store.h"

/* What it is, in one clean line of some 80 columns: "RUN make", "cache mount
 * /app/target of RUN make". What an import has renamed is told by the text that
 * is remembered of its layer. */
char *record_name(const struct store *store, const struct record *record);
/* The name that the record of this step of a Dockerfile has: its options
 * (--mount …) are not in a record. */
char *record_step_name(const char *instruction);
/* What the next build loses with it; NULL: nothing. */
char *record_loses(const struct store *store, const struct record *record);
bool record_is_cache_mount(const struct record *record);

#endif
