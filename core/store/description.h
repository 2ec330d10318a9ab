/* Records in words. The callers free the texts. */
#ifndef BILGE_STORE_DESCRIPTION_H
#define BILGE_STORE_DESCRIPTION_H

#include <stdbool.h>

#include "core/store/store.h"

/* Its description; of what an import has renamed, the text that is remembered of
 * its layer. Raw bytes; borrowed from the store. */
const char *record_text(const struct store *store, const struct record *record);
/* What it is: "RUN make", "cache mount /app/target of RUN make", "a layer of a
 * base image". Raw bytes. */
char *record_summary(const struct store *store, const struct record *record);
/* The same, clean, in one line of some 80 columns at most. */
char *record_name(const struct store *store, const struct record *record);
/* The words of the record of this step of a Dockerfile: its options (--mount …)
 * are not in a record. Raw bytes. */
char *record_step_summary(const char *instruction);
bool record_is_cache_mount(const struct record *record);

/* What a person calls the step that made a layer, from the description that
 * BuildKit gives it. Source: moby/buildkit solver/llbsolver/ops and
 * cache/manager.go; Docker Engine 20.10 to 28.5 write the same. */
#define LAYER_STEP "mount / from exec " /* what the description of a RUN begins with */

/* "mount / from exec /bin/sh -c make" is "RUN make"; "cached mount /t from exec
 * …" is "cache mount /t of RUN …"; "pulled from X" is "base image X"; others
 * stay, blanks squeezed. NULL when it does not tell: empty, or what an import
 * has renamed. Raw bytes; the caller frees it. */
char *description_of_step(const char *description);

#endif
