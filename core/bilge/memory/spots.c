/* Samples right before and right after a build: of the disks that it may fill,
 * and of the caches. They bear what is foretold "in so many builds", also where
 * nothing but `bilge build` ever runs. */
#include "core/bilge/memory/spots.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/bilge/memory/memory.h"
#include "core/history/history.h"

struct spots {
    struct space *spaces; /* paths alone */
    size_t len, cap;
};

void spots_add(struct spots *spots, const char *path)
{
    if (path == NULL || path[0] != '/')
        return;
    mem_reserve((void **)&spots->spaces, &spots->cap, spots->len + 1, sizeof *spots->spaces);
    spots->spaces[spots->len++] = (struct space){.path = mem_strdup(path)};
}

struct spots *spots_new(const struct store *store)
{
    struct spots *spots = mem_zalloc(sizeof *spots);
    for (size_t i = 0; i < store->disks_len; i++)
        spots_add(spots, store->disks[i].path);
    return spots;
}

void spots_free(struct spots *spots)
{
    for (size_t i = 0; i < spots->len; i++)
        free(spots->spaces[i].path);
    free(spots->spaces);
    free(spots);
}

static bool is_among(const struct history_sample *samples, size_t len, const char *series)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(samples[i].series, series) == 0)
            return true;
    return false;
}

void spots_note(const struct spots *spots, struct history *history, int64_t at)
{
    struct history_sample *samples = mem_alloc((spots->len + 1) * sizeof *samples);
    size_t len = 0;
    for (size_t i = 0; i < spots->len; i++) {
        struct space space = {.path = mem_strdup(spots->spaces[i].path)};
        space_look(&space);
        char *series = outlook_disk_series(space.mount, space.path);
        if (space.known && !is_among(samples, len, series))
            samples[len++] = (struct history_sample){series, at, space.space.free_bytes};
        else
            free(series);
        space_done(&space);
    }
    history_add_samples(history, samples, len, NULL);
    for (size_t i = 0; i < len; i++)
        free((char *)samples[i].series);
    free(samples);
}
