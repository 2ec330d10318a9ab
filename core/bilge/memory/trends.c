/* How the sizes of caches went: of what history has sampled, each size that
 * differs from the one before, which is about one for each build. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/bilge/memory/memory.h"
#include "core/history/history.h"

#define SPAN (30 * 24 * 3600 * CLOCK_SECOND)

void trend_read(struct trend *trend, struct history *history, int64_t now)
{
    struct history_point *points = NULL;
    char *series = mem_printf("cache:%s", trend->id);
    size_t len = 0;
    if (history_points(history, series, now - SPAN, &points, &len, NULL) < 0)
        len = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && points[i].bytes == points[i - 1].bytes)
            continue;
        if (trend->len == SERVICE_TREND)
            memmove(trend->sizes, trend->sizes + 1, --trend->len * sizeof *trend->sizes);
        trend->sizes[trend->len++] = points[i].bytes;
    }
    free(points);
    free(series);
}

void trend_put(const struct trend *trend, struct store *store)
{
    struct service *service = store_get_service(store, trend->id);
    if (service == NULL)
        return;
    memcpy(service->trend, trend->sizes, sizeof service->trend);
    service->trend_len = trend->len;
}
