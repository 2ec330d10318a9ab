/* Remembered builds side by side, and what is usual. Pure. */
#ifndef BILGE_HISTORY_COMPARE_H
#define BILGE_HISTORY_COMPARE_H

#include "core/history/history.h"

/* One step of two builds; NULL in the one that did not have it. Borrowed. */
struct history_pair {
    const struct history_step *first, *second;
};
/* Steps of the same stage with the same instruction, in the order of the
 * second build; then those that only the first had. The caller frees it. */
void history_compare(const struct history_build *first, const struct history_build *second,
                     struct history_pair **ret_pairs, size_t *ret_len);
/* By how much the second took longer; what was cached, or not there, took no
 * time. */
int64_t history_pair_change_ms(const struct history_pair *pair);

/* One line, raw: by how much the second took longer, and which step made most
 * of that. The caller frees it. */
char *history_summary(const struct history_build *first, const struct history_build *second,
                      const struct history_pair *pairs, size_t len);

/* The middle of what the builds of one service and kind took that were done. */
struct history_median {
    const char *service, *kind; /* borrowed */
    size_t builds;
    int64_t duration_ms;
};
/* By service and kind. The caller frees it. */
void history_medians(const struct history_build *builds, size_t len,
                     struct history_median **ret_medians, size_t *ret_len);

#endif
