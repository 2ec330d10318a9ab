/* Looks at the file system below a path; and samples of several. */
#include "core/app/space.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/app/outlook.h"
#include "core/base/mem.h"
#include "core/history/history.h"

void space_see(struct space *space, int fd, const char *path)
{
    struct fs_stat stat;
    if (fs_stat_fd(fd, &stat, NULL) < 0 || fs_space(fd, &space->space, NULL) < 0)
        return;
    space->known = true;
    space->dev = stat.dev;
    space->mount = fs_mount_point(path);
}

void space_look(struct space *space)
{
    char *path = mem_strdup(space->path);
    int fd = -1;
    while (fs_open_root(path, &fd, NULL) < 0 && strcmp(path, "/") != 0) {
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    if (fd >= 0) {
        space_see(space, fd, path);
        close(fd);
    }
    free(path);
}

void space_done(struct space *space)
{
    free(space->path);
    free(space->mount);
}

/* Samples right before and right after a build: of the disks that it may fill,
 * and of the caches. They bear what is foretold "in so many builds", also where
 * nothing but `bilge build` ever runs. */

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
