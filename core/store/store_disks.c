/* Disks, and what is said of them. */
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/store_private.h"

struct disk *store_put_disk(struct store *store, uint64_t dev, const char *path)
{
    store_touch(store);
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].dev == dev)
            return &store->disks[i];
    store->disks = store_grow(store->disks, &store->disks_len, sizeof *store->disks);
    struct disk *disk = &store->disks[store->disks_len - 1];
    disk->dev = dev;
    disk->path = mem_strdup(path);
    return disk;
}

void store_clear_disks(struct store *store)
{
    for (size_t i = 0; i < store->disks_len; i++) {
        free(store->disks[i].path);
        free(store->disks[i].mount);
        free(store->disks[i].day);
        free(store->disks[i].week);
    }
    free(store->disks);
    store->disks = NULL;
    store->disks_len = 0;
    store_touch(store);
}

const char *disk_alarm_name(enum disk_alarm alarm)
{
    static const char *const names[] = {"ok", "amber", "red"};
    return names[alarm];
}

static double used_share(const struct disk *disk)
{
    return 1 - (double)disk->free_bytes / (double)disk->total_bytes;
}

const struct disk *store_worst_disk(const struct store *store)
{
    const struct disk *worst = NULL;
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        if (disk->total_bytes <= 0)
            continue;
        if (worst == NULL || disk->alarm > worst->alarm ||
            (disk->alarm == worst->alarm && used_share(disk) > used_share(worst)))
            worst = disk;
    }
    return worst;
}

bool disk_say_forecast(const struct disk *disk, int64_t now, struct buf *buf)
{
    char age[TEXT_AGE_SIZE];
    int64_t left_s = (disk->full_at - now) / CLOCK_SECOND;
    bool by_time = disk->full_at != 0, by_builds = disk->full_builds > 0;
    if (!by_time && !by_builds)
        return false;
    buf_append_str(buf, "full in ");
    if (by_time)
        buf_printf(buf, "~%s", text_age(age, left_s > 0 ? left_s : 0));
    if (by_builds)
        buf_printf(buf, "%s%s%lld build%s", by_time ? " / " : "", by_time ? "" : "~",
                   (long long)disk->full_builds, disk->full_builds == 1 ? "" : "s");
    return true;
}
