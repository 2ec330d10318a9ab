#include "core/cache/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/cache/entries.h"

/* Each level under work holds a descriptor. */
#define MAX_DEPTH 256
/* Some file systems allow more than NAME_MAX. */
#define MAX_NAME 1100

/* ---- directories, open as long as a task works in them */

struct place {
    int fd;
    int depth;
    atomic_uint users;
    struct tally *tally;
    enum region region;
    size_t leftover;
};

static struct place *place_new(struct tally *tally, int fd, int depth, enum region region,
                               size_t leftover)
{
    struct place *place = mem_alloc(sizeof *place);
    *place = (struct place){
        .fd = fd, .depth = depth, .tally = tally, .region = region, .leftover = leftover};
    atomic_init(&place->users, 0);
    return place;
}

static void place_hold(struct place *place)
{
    atomic_fetch_add(&place->users, 1);
    tally_hold(place->tally);
}

static void place_release(struct place *place)
{
    struct tally *tally = place->tally;
    if (atomic_fetch_sub(&place->users, 1) == 1) {
        close(place->fd);
        free(place);
    }
    tally_release(tally);
}

int tree_open(struct tally *tally, int dirfd, const char *name, int *ret_fd,
              struct fs_stat *ret_stat)
{
    struct fs_stat stat;
    int fd = openat(dirfd, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ELOOP || errno == ENOTDIR ? -ENOENT : -errno;
    int code = entry_stat(fd, "", &stat);
    if (code == 0 && stat.dev != tally->dev)
        code = -EXDEV;
    if (code < 0) {
        close(fd);
        return code;
    }
    *ret_fd = fd;
    *ret_stat = stat;
    return 0;
}

/* ---- tasks: list a directory batch by batch; enter the directories found */

struct listing {
    struct task task;
    struct place *place;
    struct entries_reader reader;
};

struct descent {
    struct task task;
    struct place *place;
    size_t pos, len;
    char names[]; /* each with its NUL */
};

static void run_listing(struct crew *crew, struct task *task);
static void run_descent(struct crew *crew, struct task *task);

static void add_listing(struct crew *crew, struct place *place)
{
    struct listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct listing){{NULL, run_listing}, place, ENTRIES_READER(place->fd)};
    place_hold(place);
    crew_add(crew, &listing->task);
}

/* Stats what is no directory, and gathers the names of those that are at the
 * front of the batch, where room has been made by what was read already. */
static size_t count_batch(struct place *place, struct entries *entries, struct subtotal *subtotal)
{
    struct entry entry;
    size_t names = 0;
    while (entries_next(entries, &entry)) {
        struct fs_stat stat = {.type = entry.type};
        if (entry.type != FS_DIR) {
            int code = entry_stat(place->fd, entry.name, &stat);
            if (code < 0) {
                if (code != -ENOENT)
                    tally_error(place->tally, code, "looking at", entry.name);
                continue;
            }
        }
        if (stat.type != FS_DIR) {
            tally_count(place->tally, subtotal, &stat);
            continue;
        }
        size_t size = strlen(entry.name) + 1;
        if (size > MAX_NAME) {
            tally_error(place->tally, -ENAMETOOLONG, "entering directory", entry.name);
            continue;
        }
        memmove(entries->data + names, entry.name, size);
        names += size;
    }
    return names;
}

static void add_descent(struct crew *crew, struct place *place, const char *names, size_t len)
{
    struct descent *descent = mem_alloc(sizeof *descent + len);
    *descent = (struct descent){{NULL, run_descent}, place, 0, len};
    memcpy(descent->names, names, len);
    place_hold(place);
    crew_add(crew, &descent->task);
}

static void take_batch(struct crew *crew, struct place *place, struct entries *entries)
{
    struct subtotal subtotal = {.region = place->region, .leftover = place->leftover};
    size_t names = count_batch(place, entries, &subtotal);
    tally_add(place->tally, &subtotal);
    if (names > 0)
        add_descent(crew, place, entries->data, names);
}

static void run_listing(struct crew *crew, struct task *task)
{
    struct listing *listing = (struct listing *)task;
    struct place *place = listing->place;
    struct entries entries;
    int code = crew_cancelled(crew) ? 0 : entries_read(&listing->reader, &entries);
    while (code > 0 && entries.len < ENTRIES_LARGE) {
        take_batch(crew, place, &entries);
        code = crew_cancelled(crew) ? 0 : entries_read(&listing->reader, &entries);
    }
    if (code > 0) { /* more is likely: another thread may go on while this one counts */
        place_hold(place);
        crew_add(crew, task);
        take_batch(crew, place, &entries);
    } else {
        if (code < 0)
            tally_error(place->tally, code, "reading", "a directory");
        entries_stop(&listing->reader);
        free(listing);
    }
    place_release(place);
}

static void enter(struct crew *crew, struct place *above, const char *name)
{
    struct tally *tally = above->tally;
    struct subtotal subtotal = {.region = above->region, .leftover = above->leftover};
    struct fs_stat stat;
    int fd = -1;
    int code = above->depth >= MAX_DEPTH ? -ELOOP : tree_open(tally, above->fd, name, &fd, &stat);
    if (code == -ENOENT)
        return;
    if (code == 0 && apart_has(tally->apart, stat.dev, stat.ino)) {
        close(fd);
        return;
    }
    if (code < 0) {
        tally_error(tally, code, "entering directory", name);
        /* It can't be entered, but takes space itself. */
        if (code == -EXDEV || entry_stat(above->fd, name, &stat) < 0)
            return;
    }
    tally_count(tally, &subtotal, &stat);
    tally_add(tally, &subtotal);
    if (fd >= 0)
        add_listing(crew, place_new(tally, fd, above->depth + 1, above->region, above->leftover));
}

/* Enters one directory and leaves the others to whoever comes first. */
static void run_descent(struct crew *crew, struct task *task)
{
    struct descent *descent = (struct descent *)task;
    struct place *place = descent->place;
    char name[MAX_NAME];
    size_t size = strlen(descent->names + descent->pos) + 1;
    memcpy(name, descent->names + descent->pos, size);
    descent->pos += size;
    if (crew_cancelled(crew) || descent->pos == descent->len) {
        free(descent);
    } else {
        place_hold(place);
        crew_add(crew, task);
    }
    if (!crew_cancelled(crew))
        enter(crew, place, name);
    place_release(place);
}

void tree_start(struct crew *crew, struct tally *tally, int dirfd, enum region region,
                size_t leftover)
{
    add_listing(crew, place_new(tally, dirfd, 1, region, leftover));
}

static void on_summed(struct tally *tally)
{
    (void)tally;
}

int tree_sum(int dirfd, const char *name, struct cache_leftover *ret_sum)
{
    struct subtotal subtotal = {.region = REGION_OTHER};
    struct cache_leftover sum = {0};
    struct tally tally;
    struct crew crew;
    struct fs_stat stat;
    int fd = -1;
    int code = entry_stat(dirfd, name, &stat);
    if (code < 0)
        return code;
    tally_init(&tally, stat.dev, on_summed);
    tally.leftovers = &sum;
    if (stat.type == FS_DIR)
        code = tree_open(&tally, dirfd, name, &fd, &stat);
    sum.ino = stat.ino;
    tally_count(&tally, &subtotal, &stat);
    tally_add(&tally, &subtotal);
    crew_init(&crew);
    if (fd >= 0)
        tree_start(&crew, &tally, fd, REGION_OTHER, 0);
    crew_work(&crew);
    crew_done(&crew);
    if (code == 0)
        code = tally.error.code;
    tally.leftovers = NULL; /* it was borrowed */
    tally_done(&tally);
    *ret_sum = sum;
    return code;
}
