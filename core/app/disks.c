/* Free space of the file systems below the cache roots and below the engine's
 * data. Looked at when something has happened, else once a minute; every few
 * seconds while a build or a removal runs, since that is when a disk fills.
 *
 * Each is asked in its root's own lane: one that does not answer is left out. */
#include "core/app/disks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/app/builds.h"
#include "core/app/engines.h"
#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/app/roots.h"
#include "core/app/space.h"
#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/history/history.h"

#define AMBER_PERCENT 85
#define RED_PERCENT 95

#define QUIET_MS 60000
#define LIVELY_MS 5000
/* The engine's data is waited for as long. */
#define DATA_PATIENCE_MS 10000

/* The file system that a site lies on. */
struct below {
    struct below *next;
    struct site *site;
    struct space space; /* as it was seen last */
    bool awaited;
};

struct disks {
    struct hub *hub;
    struct store *store;
    struct lanes *lanes;
    struct roots *roots;
    struct engines *engines;
    struct builds *builds;
    struct threshold amber, red;
    bool watching;
    uv_timer_t timer;

    struct below *below;
    struct space data; /* of the engine's data, as it was seen last */
    bool data_awaited;
    bool looking, again; /* a round is under way; another one is wanted after it */
    int64_t began_at;    /* the round under way */
    int64_t began_mono_ms;
};

struct look {
    struct job job;
    struct below *below; /* of the loop alone; NULL: the engine's data */
    struct root *root;   /* NULL: whatever the path leads to */
    struct space space;
};

/* -------------------------------------------------------------- the store */

static enum disk_alarm alarm_of(const struct disks *disks, const struct fs_space *space)
{
    if (threshold_is_reached(&disks->red, space->total_bytes, space->free_bytes))
        return DISK_RED;
    return threshold_is_reached(&disks->amber, space->total_bytes, space->free_bytes) ? DISK_AMBER
                                                                                      : DISK_CALM;
}

static bool put_space(struct disks *disks, const struct space *space)
{
    struct store *store = disks->store;
    uint64_t before = store->revision;
    size_t known = store->disks_len;
    struct disk *disk = store_put_disk(store, space->dev, space->path);
    bool same = known == store->disks_len && disk->free_bytes == space->space.free_bytes &&
                disk->total_bytes == space->space.total_bytes;
    disk->total_bytes = space->space.total_bytes;
    disk->free_bytes = space->space.free_bytes;
    disk->in_memory = space->space.in_memory;
    disk->alarm = alarm_of(disks, &space->space);
    mem_replace(&disk->mount, space->mount);
    if (same)
        store->revision = before;
    return !same;
}

static bool is_found(const struct disks *disks, uint64_t dev)
{
    bool found = disks->data.known && disks->data.dev == dev;
    for (const struct below *below = disks->below; below != NULL && !found; below = below->next)
        found = below->space.known && below->space.dev == dev;
    return found;
}

static void put_spaces(struct disks *disks)
{
    const struct space *data = &disks->data;
    struct store *store = disks->store;
    bool moved = false;
    for (size_t i = 0; i < store->disks_len; i++)
        moved |= !is_found(disks, store->disks[i].dev);
    if (moved)
        store_clear_disks(store);
    for (const struct below *below = disks->below; below != NULL; below = below->next)
        if (below->space.known)
            moved |= put_space(disks, &below->space);
    if (data->known)
        moved |= put_space(disks, data);
    for (size_t i = 0; data->path != NULL && i < store->builders_len; i++)
        if (store->builders[i].embedded)
            store->builders[i].disk_dev = data->known ? data->dev : 0;
    for (size_t i = 0; i < store->roots_len; i++)
        store->roots[i].in_memory = site_in_memory(store->roots[i].site);
    if (moved)
        hub_moved(disks->hub);
}

/* --------------------------------------------------------------- the looks */

static bool is_awaited(const struct disks *disks)
{
    bool awaited = disks->data_awaited && clock_mono_ms() - disks->began_mono_ms < DATA_PATIENCE_MS;
    for (const struct below *below = disks->below; below != NULL && !awaited; below = below->next)
        awaited = below->awaited && !site_is_silent(below->site);
    return awaited;
}

/* Its disk is not known yet, but will be. */
static bool any_unfound(const struct disks *disks)
{
    for (const struct site *site = roots_first(disks->roots); site != NULL; site = site_next(site))
        if (!site_is_found(site) && !site_is_silent(site))
            return true;
    return false;
}

static void on_timer(uv_timer_t *timer)
{
    disks_refresh(timer->data);
}

/* The round is over when all have answered who will. */
void disks_answered(struct disks *disks)
{
    bool lively = builds_run(disks->builds) || disks->store->prune.state == PRUNE_RUNNING;
    if (!disks->looking || is_awaited(disks))
        return;
    disks->looking = false;
    put_spaces(disks);
    disks->store->disks_at = disks->began_at;
    if (!disks->again && !any_unfound(disks))
        disks->store->disks_awaited = false;
    if (disks->watching)
        uv_timer_start(&disks->timer, on_timer, lively ? LIVELY_MS : QUIET_MS, 0);
    if (disks->again)
        disks_refresh(disks);
    hub_wake(disks->hub); /* the memory waits for it */
}

static void look_run(struct job *job)
{
    struct look *look = (struct look *)job;
    if (look->root != NULL)
        space_see(&look->space, look->root->fd, look->root->path);
    else if (look->below != NULL || access(look->space.path, F_OK) == 0)
        space_look(&look->space);
}

static void look_done(struct job *job, bool cancelled)
{
    struct look *look = (struct look *)job;
    struct disks *disks = job->owner;
    if (!hub_is_closing(disks->hub) && !cancelled) {
        struct space *space = look->below != NULL ? &look->below->space : &disks->data;
        space_done(space);
        *space = look->space;
        look->space = (struct space){0};
        if (look->below != NULL) {
            look->below->awaited = false;
            site_set_in_memory(look->below->site, space->known && space->space.in_memory);
        } else {
            disks->data_awaited = false;
        }
        disks_answered(disks);
    }
    space_done(&look->space);
    root_release(look->root);
    free(look);
}

static void look_at(struct disks *disks, struct below *below, const char *path)
{
    struct root *root = below != NULL ? site_root(below->site) : NULL;
    struct look *look = mem_zalloc(sizeof *look);
    look->job.run = look_run;
    look->job.done = look_done;
    look->job.owner = disks;
    look->below = below;
    look->root = root != NULL ? root_hold(root) : NULL;
    look->space.path = mem_strdup(path);
    job_start_on(below != NULL ? site_lane(below->site) : lanes_common(disks->lanes), &look->job);
}

/* In the order of the sites. */
static struct below *below_of(struct disks *disks, struct site *site)
{
    struct below **at = &disks->below;
    while (*at != NULL && (*at)->site != site)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = mem_zalloc(sizeof **at);
        (*at)->site = site;
    }
    return *at;
}

void disks_refresh(struct disks *disks)
{
    const char *data = engines_data_root(disks->engines);
    disks->again = disks->looking;
    if (disks->looking || hub_is_closing(disks->hub))
        return;
    disks->looking = true;
    disks->began_at = clock_now();
    disks->began_mono_ms = clock_mono_ms();
    for (struct site *site = roots_first(disks->roots); site != NULL; site = site_next(site)) {
        struct below *below = below_of(disks, site);
        if (site_is_hidden(site) || !site_is_found(site) || below->awaited)
            continue;
        below->awaited = true;
        look_at(disks, below, site_place(site));
    }
    if (data != NULL && !disks->data_awaited) {
        disks->data_awaited = true;
        look_at(disks, NULL, data);
    }
    disks_answered(disks);
}

bool disks_are_looked_at(const struct disks *disks)
{
    return disks->looking;
}

/* -------------------------------------------------------- beginning and end */

static struct threshold level_or(const struct threshold *level, int used_percent)
{
    bool given = level->used_percent > 0 || level->free_bytes > 0;
    return given ? *level : (struct threshold){.used_percent = used_percent};
}

struct disks *disks_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                        struct engines *engines, struct builds *builds,
                        const struct bilge_options *options)
{
    struct disks *disks = mem_alloc(sizeof *disks);
    *disks = (struct disks){
        .hub = hub,
        .store = hub_store(hub),
        .lanes = lanes,
        .roots = roots,
        .engines = engines,
        .builds = builds,
        .amber = level_or(&options->disk_amber, AMBER_PERCENT),
        .red = level_or(&options->disk_red, RED_PERCENT),
        .watching = options->watch,
    };
    hub_timer_init(hub, &disks->timer, disks);
    return disks;
}

void disks_stop(struct disks *disks)
{
    uv_timer_stop(&disks->timer);
}

void disks_close(struct disks *disks)
{
    hub_timer_close(disks->hub, &disks->timer);
}

void disks_free(struct disks *disks)
{
    while (disks->below != NULL) {
        struct below *below = disks->below;
        disks->below = below->next;
        space_done(&below->space);
        free(below);
    }
    space_done(&disks->data);
    free(disks);
}
