#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store/history_db.h"

/* Differences and sums of them still fit. */
#define AT_MAX (INT64_C(1) << 62)
#define BYTES_MAX (INT64_C(1) << 60)

int history_add_samples(struct history *history, const struct history_sample *samples, size_t len,
                        struct err *err)
{
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    sqlite3_stmt *insert = history_prepare(
        history, "INSERT OR REPLACE INTO sample(series, at, bytes) VALUES(?, ?, ?)", err);
    code = insert == NULL ? ERR_PEER : 0;
    for (size_t i = 0; i < len && code == 0; i++) {
        sqlite3_bind_text(insert, 1, samples[i].series, -1, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 2, samples[i].at);
        sqlite3_bind_int64(insert, 3, samples[i].bytes);
        code = history_run(history, insert, err);
    }
    sqlite3_finalize(insert);
    return history_end(history, code, err);
}

int history_points(struct history *history, const char *series, int64_t since,
                   struct history_point **ret_points, size_t *ret_len, struct err *err)
{
    sqlite3_stmt *select = history_prepare(
        history, "SELECT at, bytes FROM sample WHERE series = ? AND at >= ? ORDER BY at", err);
    if (select == NULL)
        return ERR_PEER;
    struct history_point *points = NULL;
    size_t len = 0, cap = 0;
    sqlite3_bind_text(select, 1, series, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 2, since);
    while (history_next(select)) {
        struct history_point point;
        if (!history_number(select, 0, len > 0 ? points[len - 1].at + 1 : 0, AT_MAX, &point.at) ||
            !history_number(select, 1, 0, BYTES_MAX, &point.bytes))
            continue;
        mem_reserve((void **)&points, &cap, len + 1, sizeof *points);
        points[len++] = point;
    }
    int code = history_close_rows(history, select, err);
    if (code < 0) {
        free(points);
        return code;
    }
    *ret_points = points;
    *ret_len = len;
    return 0;
}

/* Of the samples older than `before`, keeps the last of each slot of time. */
static int keep_one_per(struct history *history, int64_t before, int64_t slot, struct err *err)
{
    sqlite3_stmt *thin = history_prepare(
        history,
        "DELETE FROM sample WHERE at < ?1 AND EXISTS(SELECT 1 FROM sample AS later"
        " WHERE later.series = sample.series AND later.at > sample.at"
        " AND later.at / ?2 = sample.at / ?2)",
        err);
    if (thin == NULL)
        return ERR_PEER;
    sqlite3_bind_int64(thin, 1, before);
    sqlite3_bind_int64(thin, 2, slot);
    int code = history_run(history, thin, err);
    sqlite3_finalize(thin);
    return code;
}

int history_thin(struct history *history, int64_t now, struct err *err)
{
    const int64_t minute = 60 * CLOCK_SECOND, day = 24 * 60 * minute;
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    sqlite3_stmt *forget = history_prepare(history, "DELETE FROM sample WHERE at < ?", err);
    code = forget == NULL ? ERR_PEER : 0;
    if (code == 0) {
        sqlite3_bind_int64(forget, 1, now - 90 * day);
        code = history_run(history, forget, err);
    }
    sqlite3_finalize(forget);
    if (code == 0)
        code = keep_one_per(history, now - 7 * day, day, err);
    if (code == 0)
        code = keep_one_per(history, now - day, 15 * minute, err);
    return history_end(history, code, err);
}
