/* Free space of the file systems below the cache roots and below the engine's
 * data. Looked at when something has happened, else once a minute; every few
 * seconds while a build or a removal runs, since that is when a disk fills.
 *
 * Each is asked in its root's own lane: one that does not answer is left out. */

#include "core/app/disks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/app/app.h"
#include "core/app/roots.h"
#include "core/app/space.h"
#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/history/history.h"

#define QUIET_MS 60000
#define LIVELY_MS 5000
/* The engine's data is waited for as long. */
#define DATA_PATIENCE_MS 10000

struct disks {
    struct space data;     /* of the engine's data, as it was seen last */
    bool data_awaited;
    int64_t began_at;      /* the round under way */
    int64_t began_mono_ms;
};

struct look {
    struct job job;
    struct site *site; /* of the loop alone; NULL: the engine's data */
    struct root *root; /* NULL: whatever the path leads to */
    struct space space;
};

/* -------------------------------------------------------------- the store */

static enum disk_alarm alarm_of(const struct bilge *bilge, const struct fs_space *space)
{
    if (threshold_is_reached(&bilge->disk_red, space->total_bytes, space->free_bytes))
        return DISK_RED;
    return threshold_is_reached(&bilge->disk_amber, space->total_bytes, space->free_bytes) ? DISK_AMBER
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
    if (same)
        store->revision = before;
    return !same;
}

static bool is_found(const struct bilge *bilge, uint64_t dev)
{
    bool found = bilge->disks->data.known && bilge->disks->data.dev == dev;
    for (const struct site *site = bilge->sites; site != NULL && !found; site = site->next)
        found = site->space.known && site->space.dev == dev;
    return found;
}

static void put_spaces(struct bilge *bilge)
{
    const struct space *data = &bilge->disks->data;
    struct store *store = bilge->store;
    bool moved = false;
    for (size_t i = 0; i < store->disks_len; i++)
        moved |= !is_found(bilge, store->disks[i].dev);
    if (moved)
        store_clear_disks(store);
    for (const struct site *site = bilge->sites; site != NULL; site = site->next)
        if (site->space.known)
            moved |= put_space(bilge, &site->space);
    if (data->known)
        moved |= put_space(bilge, data);
    for (size_t i = 0; data->path != NULL && i < store->builders_len; i++)
        if (store->builders[i].embedded)
            store->builders[i].disk_dev = data->known ? data->dev : 0;
    for (size_t i = 0; i < store->roots_len; i++)
        store->roots[i].in_memory = store->roots[i].site->in_memory;
    if (moved)
        bilge_moved(bilge);
}

/* --------------------------------------------------------------- the looks */

static bool is_awaited(const struct bilge *bilge)
{
    bool awaited = bilge->disks->data_awaited &&
                   clock_mono_ms() - bilge->disks->began_mono_ms < DATA_PATIENCE_MS;
    for (const struct site *site = bilge->sites; site != NULL && !awaited; site = site->next)
        awaited = site->space_awaited && site->silent_ms == 0;
    return awaited;
}

/* Its disk is not known yet, but will be. */
static bool any_unfound(const struct bilge *bilge)
{
    for (const struct site *site = bilge->sites; site != NULL; site = site->next)
        if (!site->found && site->silent_ms == 0)
            return true;
    return false;
}

static void on_timer(uv_timer_t *timer)
{
    disks_refresh(timer->data);
}

/* The round is over when all have answered who will. */
void disks_answered(struct bilge *bilge)
{
    bool lively = bilge->running != NULL || bilge->pruning != NULL;
    if (!bilge->disk_job || is_awaited(bilge))
        return;
    bilge->disk_job = false;
    put_spaces(bilge);
    bilge->store->disks_at = bilge->disks->began_at;
    if (!bilge->disk_again && !any_unfound(bilge))
        bilge->store->disks_awaited = false;
    if (bilge->watching)
        uv_timer_start(&bilge->disk_timer, on_timer, lively ? LIVELY_MS : QUIET_MS, 0);
    if (bilge->disk_again)
        disks_refresh(bilge);
    bilge_wake(bilge); /* the memory waits for it */
}

static void look_run(struct job *job)
{
    struct look *look = (struct look *)job;
    if (look->root != NULL)
        space_see(&look->space, look->root->fd, look->root->path);
    else if (look->site != NULL || access(look->space.path, F_OK) == 0)
        space_look(&look->space);
}

static void look_done(struct job *job, bool cancelled)
{
    struct look *look = (struct look *)job;
    struct bilge *bilge = job->bilge;
    if (!bilge->closing && !cancelled) {
        struct space *space = look->site != NULL ? &look->site->space : &bilge->disks->data;
        space_done(space);
        *space = look->space;
        look->space = (struct space){0};
        if (look->site != NULL) {
            look->site->space_awaited = false;
            look->site->in_memory = space->known && space->space.in_memory;
        } else {
            bilge->disks->data_awaited = false;
        }
        disks_answered(bilge);
    }
    space_done(&look->space);
    root_release(look->root);
    free(look);
}

static void look_at(struct bilge *bilge, struct site *site, const char *path)
{
    struct look *look = mem_zalloc(sizeof *look);
    look->job.run = look_run;
    look->job.done = look_done;
    look->site = site;
    look->root = site != NULL && site->root != NULL ? root_hold(site->root) : NULL;
    look->space.path = mem_strdup(path);
    job_start_on(bilge, site != NULL ? site->lane : bilge->lane, &look->job);
}

/* Of the engine, on this machine; NULL: not known. */
static const char *data_root(const struct bilge *bilge)
{
    if (bilge->engine == NULL || bilge->endpoint.socket_path == NULL)
        return NULL;
    const char *path = engine_info(bilge->engine).data_root;
    return path != NULL && path[0] == '/' ? path : NULL;
}

void disks_refresh(struct bilge *bilge)
{
    struct disks *disks = bilge->disks;
    bilge->disk_again = bilge->disk_job;
    if (bilge->disk_job || bilge->closing)
        return;
    bilge->disk_job = true;
    disks->began_at = clock_now();
    disks->began_mono_ms = clock_mono_ms();
    for (struct site *site = bilge->sites; site != NULL; site = site->next) {
        if (site->hidden || !site->found || site->space_awaited)
            continue;
        site->space_awaited = true;
        look_at(bilge, site, site->place);
    }
    if (data_root(bilge) != NULL && !disks->data_awaited) {
        disks->data_awaited = true;
        look_at(bilge, NULL, data_root(bilge));
    }
    disks_answered(bilge);
}

void disks_open(struct bilge *bilge)
{
    bilge->disks = mem_zalloc(sizeof *bilge->disks);
    disks_refresh(bilge);
}

void disks_close(struct bilge *bilge)
{
    if (bilge->disks != NULL)
        space_done(&bilge->disks->data);
    free(bilge->disks);
}
