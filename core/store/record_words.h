/* Records in words. The callers free the texts. */
#ifndef BILGE_STORE_RECORD_WORDS_H
#define BILGE_STORE_RECORD_WORDS_H

#include <stdbool.h>

#include "core/store/store.h"

/* Its description; of what an import has renamed, the text that is remembered of
 * its layer. Raw bytes; borrowed from the store. */
const char *record_text(const struct store *store, const struct record *record);
/* What it is: "RUN make", "cache mount /app/target of RUN make", "a layer of a
 * base image". Raw bytes. */
char *record_words(const struct store *store, const struct record *record);
/* The same, clean, in one line of some 80 columns at most. */
char *record_name(const struct store *store, const struct record *record);
/* The words of the record of this step of a Dockerfile: its options (--mount …)
 * are not in a record. Raw bytes. */
char *record_step_words(const char *instruction);
bool record_is_cache_mount(const struct record *record);

#endif
