/* What is remembered from run to run. */
#ifndef BILGE_APP_MEMORY_H
#define BILGE_APP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bilge.h"
#include "core/store/store.h"

struct disks;
struct history;
struct hub;
struct memory;

struct memory *memory_new(struct hub *hub, struct disks *disks,
                          const struct bilge_options *options);
void memory_free(struct memory *memory);

/* Of the file; NULL: nothing is remembered. */
const char *memory_path(const struct memory *memory);
/* Takes the history along to a job, as only one at a time may: false when another
 * has it. *ret_history NULL: not open yet. It comes back with memory_give(). */
bool memory_take(struct memory *memory, struct history **ret_history);
void memory_give(struct memory *memory, struct history *history);

/* ---- trends */
struct trend {
    char *id; /* of the row: its path */
    int64_t sizes[SERVICE_TREND];
    size_t len;
};
/* On the pool. */
void trend_read(struct trend *trend, struct history *history, int64_t now);
void trend_put(const struct trend *trend, struct store *store);

#endif
