/* Free space of the file systems below the cache roots and below the engine's
 * data. Looked at when something has happened, else once a minute; every few
 * seconds while a build or a removal runs, since that is when a disk fills. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/bilge/memory/memory.h"

#define QUIET_MS 60000
#define LIVELY_MS 5000

struct look {
    struct job job;
    struct space *spaces;
    size_t len;
    int64_t at;
    size_t data; /* the engine's; SIZE_MAX: not known, or not here */
};

void space_look(struct space *space)
{
    char *path = mem_strdup(space->path);
    int fd = -1;
    while (fs_open_root(path, &fd, NULL) < 0 && strcmp(path, "/") != 0) {
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    struct fs_stat stat;
    if (fd >= 0 && fs_stat_fd(fd, &stat, NULL) == 0 && fs_space(fd, &space->space, NULL) == 0) {
        space->known = true;
        space->dev = stat.dev;
        space->mount = fs_mount_point(path);
    }
    if (fd >= 0)
        close(fd);
    free(path);
}

void space_done(struct space *space)
{
    free(space->path);
    free(space->mount);
}

static void look_run(struct job *job)
{
    struct look *look = (struct look *)job;
    for (size_t i = 0; i < look->len; i++)
        space_look(&look->spaces[i]);
}

static enum disk_alarm alarm_of(const struct bilge *bilge, const struct fs_space *space)
{
    if (level_is_reached(&bilge->disk_red, space->total_bytes, space->free_bytes))
        return DISK_RED;
    return level_is_reached(&bilge->disk_amber, space->total_bytes, space->free_bytes) ? DISK_AMBER
                                                                                      : DISK_CALM;
}

static bool put_space(struct bilge *bilge, const struct space *space)
{
    struct store *store = bilge->store;
    uint64_t before = store->revision;
    size_t known = store->disks_len;
    struct disk *disk = store_put_disk(store, space->dev, space->path);
    bool same = known == store->disks_len && disk->free_bytes == space->space.free_bytes &&
                disk->total_bytes == space->space.total_bytes;
    disk->total_bytes = space->space.total_bytes;
    disk->free_bytes = space->space.free_bytes;
    disk->in_memory = space->space.in_memory;
    disk->alarm = alarm_of(bilge, &space->space);
    mem_replace(&disk->mount, space->mount);
    for (size_t i = 0; i < store->roots_len; i++)
        if (strcmp(store->roots[i].path, space->path) == 0)
            store->roots[i].in_memory = space->space.in_memory;
    if (same)
        store->revision = before;
    return !same;
}

static bool is_found(const struct look *look, uint64_t dev)
{
    for (size_t i = 0; i < look->len; i++)
        if (look->spaces[i].known && look->spaces[i].dev == dev)
            return true;
    return false;
}

static void put_spaces(struct bilge *bilge, const struct look *look)
{
    bool moved = false;
    for (size_t i = 0; i < bilge->store->disks_len; i++)
        moved |= !is_found(look, bilge->store->disks[i].dev);
    if (moved)
        store_clear_disks(bilge->store);
    for (size_t i = 0; i < look->len; i++)
        if (look->spaces[i].known)
            moved |= put_space(bilge, &look->spaces[i]);
    for (size_t i = 0; look->data < look->len && i < bilge->store->builders_len; i++)
        if (bilge->store->builders[i].embedded)
            bilge->store->builders[i].disk_dev = look->spaces[look->data].dev;
    if (moved)
        bilge_moved(bilge);
}

static void on_timer(uv_timer_t *timer)
{
    disks_refresh(timer->data);
}

static void look_done(struct job *job, bool cancelled)
{
    struct look *look = (struct look *)job;
    struct bilge *bilge = job->bilge;
    bilge->disk_job = false;
    if (!bilge->closing && !cancelled) {
        put_spaces(bilge, look);
        bilge->store->disks_at = look->at;
        bool lively = bilge->running != NULL || bilge->pruning != NULL;
        if (bilge->watching)
            uv_timer_start(&bilge->disk_timer, on_timer, lively ? LIVELY_MS : QUIET_MS, 0);
        if (bilge->disk_again)
            disks_refresh(bilge);
        bilge_wake(bilge); /* the memory waits for it */
    }
    for (size_t i = 0; i < look->len; i++)
        space_done(&look->spaces[i]);
    free(look->spaces);
    free(look);
}

static const char *data_root(const struct bilge *bilge)
{
    if (bilge->engine == NULL || bilge->endpoint.socket_path == NULL)
        return NULL;
    const char *path = engine_info(bilge->engine).data_root;
    return path != NULL && path[0] == '/' && access(path, F_OK) == 0 ? path : NULL;
}

void disks_refresh(struct bilge *bilge)
{
    const struct store *store = bilge->store;
    bilge->disk_again = bilge->disk_job;
    if (bilge->disk_job || bilge->closing)
        return;
    struct look *look = mem_zalloc(sizeof *look);
    look->at = clock_now();
    look->job.run = look_run;
    look->job.done = look_done;
    look->spaces = mem_zalloc((store->roots_len + 1) * sizeof *look->spaces);
    for (size_t i = 0; i < store->roots_len; i++)
        look->spaces[look->len++].path = mem_strdup(store->roots[i].path);
    look->data = data_root(bilge) != NULL ? look->len : SIZE_MAX;
    if (data_root(bilge) != NULL)
        look->spaces[look->len++].path = mem_strdup(data_root(bilge));
    bilge->disk_job = true;
    job_start(bilge, &look->job);
}

void disks_open(struct bilge *bilge)
{
    disks_refresh(bilge);
}
