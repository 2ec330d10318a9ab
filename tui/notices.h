/* Which builds have come to an end since the last look: each is told once. */
#ifndef BILGE_TUI_NOTICES_H
#define BILGE_TUI_NOTICES_H

#include <stddef.h>
#include <stdint.h>

#include "core/store/store.h"

/* All zero is an empty one. */
struct notices {
    uint64_t *running; /* ids */
    size_t len, cap;
};
void notices_done(struct notices *notices);

/* A build that was seen running and is over now; NULL: none (any more). */
const struct build *notices_next(struct notices *notices, const struct store *store);

/* "build of api, worker done": clean text. The caller frees it. */
char *notices_text(const struct build *build);

#endif
