/* From what history remembers: how disks went and when they will be full, how
 * fast caches and builders grow. Gathered from the store on the loop, read on
 * the pool, put into the store on the loop again. */
#include "core/app/outlook.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/history/forecast.h"
#include "core/history/history.h"

#define DAY (24 * 3600 * CLOCK_SECOND)
#define SPAN (7 * DAY)
#define BUILDS_MAX 200

struct outlook_disk {
    char *series;
    uint64_t dev;
    int64_t free_bytes;
    /* out */
    struct forecast forecast;
    int64_t per_build_bytes;
    int64_t *day, *week;
};

/* A service's cache, or a builder. */
struct outlook_row {
    char *id, *series;
    char *service;        /* NULL: a builder, which all builds fill */
    struct growth growth; /* out */
};

struct outlook {
    struct outlook_disk *disks;
    size_t disks_len;
    struct outlook_row *rows;
    size_t rows_len;
};

/* --------------------------------------------------------------- on the loop */

char *outlook_disk_series(const char *mount, const char *path)
{
    return mem_printf("free:%s", mount != NULL ? mount : path);
}

struct outlook *outlook_new(const struct store *store)
{
    struct outlook *outlook = mem_zalloc(sizeof *outlook);
    outlook->disks = mem_zalloc((store->disks_len + 1) * sizeof *outlook->disks);
    for (size_t i = 0; i < store->disks_len; i++)
        outlook->disks[outlook->disks_len++] = (struct outlook_disk){
            .series = outlook_disk_series(store->disks[i].mount, store->disks[i].path),
            .dev = store->disks[i].dev,
            .free_bytes = store->disks[i].free_bytes,
        };
    outlook->rows =
        mem_zalloc((store->services_len + store->builders_len + 1) * sizeof *outlook->rows);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        if (service->cache != NULL && service->cache->state != CACHE_MISSING)
            outlook->rows[outlook->rows_len++] = (struct outlook_row){
                .id = mem_strdup(service->id),
                .series = mem_printf("cache:%s", service->cache->path),
                .service = mem_strdup(service->name),
            };
    }
    for (size_t i = 0; i < store->builders_len; i++)
        outlook->rows[outlook->rows_len++] = (struct outlook_row){
            .id = mem_strdup(store->builders[i].id),
            .series = mem_printf("builder:%s", store->builders[i].id),
        };
    return outlook;
}

void outlook_free(struct outlook *outlook)
{
    if (outlook == NULL)
        return;
    for (size_t i = 0; i < outlook->disks_len; i++) {
        free(outlook->disks[i].series);
        free(outlook->disks[i].day);
        free(outlook->disks[i].week);
    }
    for (size_t i = 0; i < outlook->rows_len; i++) {
        free(outlook->rows[i].id);
        free(outlook->rows[i].series);
        free(outlook->rows[i].service);
    }
    free(outlook->disks);
    free(outlook->rows);
    free(outlook);
}

static void take(int64_t **slot, int64_t **gives)
{
    free(*slot);
    *slot = *gives;
    *gives = NULL;
}

static void put_disk(struct outlook_disk *seen, struct disk *disk)
{
    disk->full_at = seen->forecast.full_at;
    disk->shrinks_per_hour_bytes = (int64_t)seen->forecast.shrinks_per_hour;
    disk->shrinks_per_build_bytes = seen->per_build_bytes;
    disk->full_builds = forecast_builds(disk->free_bytes, seen->per_build_bytes);
    take(&disk->day, &seen->day);
    take(&disk->week, &seen->week);
}

void outlook_put(struct outlook *outlook, struct store *store)
{
    for (size_t i = 0; i < store->disks_len; i++)
        for (size_t k = 0; k < outlook->disks_len; k++)
            if (store->disks[i].dev == outlook->disks[k].dev)
                put_disk(&outlook->disks[k], &store->disks[i]);
    for (size_t i = 0; i < outlook->rows_len; i++) {
        const struct outlook_row *row = &outlook->rows[i];
        struct service *service = row->service != NULL ? store_get_service(store, row->id) : NULL;
        if (service != NULL)
            service->growth = row->growth;
        for (size_t k = 0; k < store->builders_len && row->service == NULL; k++)
            if (strcmp(store->builders[k].id, row->id) == 0)
                store->builders[k].growth = row->growth;
    }
}

/* --------------------------------------------------------------- on the pool */

/* What history tells of builds. */
struct past {
    struct history_build *rows;
    size_t len;
    struct growth_build *builds; /* those that were done */
    size_t builds_len;
};

static void past_read(struct past *past, struct history *history)
{
    *past = (struct past){0};
    if (history_builds(history, NULL, BUILDS_MAX, &past->rows, &past->len, NULL) < 0)
        past->len = 0;
    past->builds = mem_alloc((past->len + 1) * sizeof *past->builds);
    for (size_t i = 0; i < past->len; i++) {
        const struct history_build *row = &past->rows[i];
        if (!history_build_is_bench(row) && row->state == BUILD_DONE)
            past->builds[past->builds_len++] = (struct growth_build){
                row->started_at, row->started_at + row->duration_ms * (CLOCK_SECOND / 1000)};
    }
}

static void past_done(struct past *past)
{
    history_builds_free(past->rows, past->len);
    free(past->builds);
}

static void read_disk(struct outlook_disk *disk, const struct history_point *points, size_t len,
                      const struct past *past, int64_t now)
{
    disk->forecast = forecast_free(points, len, now, disk->free_bytes);
    disk->per_build_bytes = growth_per_build(points, len, past->builds, past->builds_len, -1);
    disk->day = mem_alloc(DISK_DAY_SLOTS * sizeof *disk->day);
    disk->week = mem_alloc(DISK_WEEK_SLOTS * sizeof *disk->week);
    growth_fill(points, len, now, DAY / DISK_DAY_SLOTS, disk->day, DISK_DAY_SLOTS);
    growth_fill(points, len, now, SPAN / DISK_WEEK_SLOTS, disk->week, DISK_WEEK_SLOTS);
}

/* What a cache gained was measured at each build. */
static int64_t added_per_build(const struct past *past, const char *service)
{
    int64_t *added = mem_alloc((past->len + 1) * sizeof *added);
    size_t len = 0;
    for (size_t i = 0; i < past->len; i++)
        if (past->rows[i].state == BUILD_DONE && past->rows[i].added_bytes >= 0 &&
            strcmp(past->rows[i].service, service) == 0)
            added[len++] = past->rows[i].added_bytes;
    int64_t mean = growth_mean(added, len);
    free(added);
    return mean;
}

static void read_row(struct outlook_row *row, const struct history_point *points, size_t len,
                     const struct past *past, int64_t now)
{
    row->growth = growth_measure(points, len, now);
    row->growth.per_build_bytes =
        row->service != NULL ? added_per_build(past, row->service)
                             : growth_per_build(points, len, past->builds, past->builds_len, 1);
}

/* One that can't be read counts as empty. */
static struct history_point *points_of(struct history *history, const char *series, int64_t now,
                                       size_t *ret_len)
{
    struct history_point *points = NULL;
    if (history_points(history, series, now - SPAN, &points, ret_len, NULL) < 0)
        *ret_len = 0;
    return points;
}

void outlook_read(struct outlook *outlook, struct history *history, int64_t now)
{
    struct past past;
    size_t len;
    past_read(&past, history);
    for (size_t i = 0; i < outlook->disks_len; i++) {
        struct history_point *points = points_of(history, outlook->disks[i].series, now, &len);
        read_disk(&outlook->disks[i], points, len, &past, now);
        free(points);
    }
    for (size_t i = 0; i < outlook->rows_len; i++) {
        struct history_point *points = points_of(history, outlook->rows[i].series, now, &len);
        read_row(&outlook->rows[i], points, len, &past, now);
        free(points);
    }
    past_done(&past);
}
