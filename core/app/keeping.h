/* What is remembered from run to run. */
#ifndef BILGE_APP_KEEPING_H
#define BILGE_APP_KEEPING_H

#include "core/app/app.h"

void memory_open(struct bilge *bilge, const char *path);
void memory_step(struct bilge *bilge);
void memory_close(struct bilge *bilge);

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
