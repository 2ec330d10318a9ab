#include "core/cache/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/crew.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/entries.h"

void links_done(struct links *links)
{
    free(links->slots);
    *links = (struct links){0};
}

/* The slot of the inode, or the free one where it belongs. */
static struct link *slot_of(const struct links *links, uint64_t ino)
{
    size_t i = (size_t)((ino * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (links->cap - 1);
    while (links->slots[i].ino != 0 && links->slots[i].ino != ino)
        i = (i + 1) & (links->cap - 1);
    return &links->slots[i];
}

static void grow(struct links *links)
{
    struct links grown = {.len = links->len, .cap = links->cap > 0 ? links->cap * 2 : 64};
    grown.slots = mem_zalloc(grown.cap * sizeof *grown.slots);
    for (size_t i = 0; i < links->cap; i++)
        if (links->slots[i].ino != 0)
            *slot_of(&grown, links->slots[i].ino) = links->slots[i];
    free(links->slots);
    *links = grown;
}

void links_add(struct links *links, uint64_t ino, uint32_t nlink, int64_t allocated_bytes,
               uint8_t rank)
{
    if (links->len * 4 >= links->cap * 3)
        grow(links);
    struct link *link = slot_of(links, ino);
    if (link->ino == 0) {
        *link = (struct link){ino, allocated_bytes, nlink, 0, rank, false};
        links->len++;
    }
    link->seen++;
    if (rank < link->rank)
        link->rank = rank;
}

struct link *links_find(const struct links *links, uint64_t ino)
{
    if (links->cap == 0)
        return NULL;
    struct link *link = slot_of(links, ino);
    return link->ino != 0 ? link : NULL;
}

bool apart_has(const struct apart *apart, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; apart != NULL && i < apart->len; i++)
        if (apart->items[i].dev == dev && apart->items[i].ino == ino)
            return true;
    return false;
}

void apart_copy(struct apart *ret_copy, const struct apart *from)
{
    *ret_copy = (struct apart){0};
    if (from == NULL || from->len == 0)
        return;
    ret_copy->items = mem_alloc(from->len * sizeof *from->items);
    ret_copy->len = from->len;
    memcpy(ret_copy->items, from->items, from->len * sizeof *from->items);
}

void tally_init(struct tally *tally, uint64_t dev, void (*on_end)(struct tally *tally))
{
    size_t depth = crew_descriptors() / 4; /* two threads, and the levels that wait */
    *tally = (struct tally){.dev = dev, .depth_max = depth > 1 ? (int)depth : 1, .on_end = on_end};
    atomic_init(&tally->tasks, 0);
    pthread_mutex_init(&tally->lock, NULL);
}

void tally_done(struct tally *tally)
{
    for (size_t i = 0; i < tally->leftovers_len; i++)
        free(tally->leftovers[i].name);
    free(tally->leftovers);
    links_done(&tally->links);
    pthread_mutex_destroy(&tally->lock);
}

void tally_hold(struct tally *tally)
{
    atomic_fetch_add(&tally->tasks, 1);
}

void tally_release(struct tally *tally)
{
    if (atomic_fetch_sub(&tally->tasks, 1) == 1)
        tally->on_end(tally);
}

void tally_error(struct tally *tally, int code, const char *action, const char *name)
{
    struct buf clean = {0};
    text_clean(&clean, name, strlen(name));
    pthread_mutex_lock(&tally->lock);
    if (tally->errors++ == 0)
        err_sys(&tally->error, code, "%s %s", action, clean.data != NULL ? clean.data : "");
    pthread_mutex_unlock(&tally->lock);
    buf_done(&clean);
}

void tally_count(struct tally *tally, struct subtotal *subtotal, const struct fs_stat *stat)
{
    subtotal->files++;
    subtotal->directories += stat->type == FS_DIR;
    if (stat->modified_at > subtotal->modified_at)
        subtotal->modified_at = stat->modified_at;
    if (stat->nlink <= 1 || stat->type == FS_DIR) {
        subtotal->plain_bytes += stat->allocated_bytes;
        return;
    }
    pthread_mutex_lock(&tally->lock);
    links_add(&tally->links, stat->ino, stat->nlink, stat->allocated_bytes,
              (uint8_t)subtotal->region);
    pthread_mutex_unlock(&tally->lock);
}

void tally_add(struct tally *tally, const struct subtotal *subtotal)
{
    pthread_mutex_lock(&tally->lock);
    tally->files += subtotal->files;
    tally->directories += subtotal->directories;
    tally->plain_bytes[subtotal->region] += subtotal->plain_bytes;
    if (subtotal->leftover != TREE_NO_LEFTOVER) {
        struct cache_leftover *leftover = &tally->leftovers[subtotal->leftover];
        leftover->allocated_bytes += subtotal->plain_bytes;
        if (subtotal->modified_at > leftover->modified_at)
            leftover->modified_at = subtotal->modified_at;
    }
    pthread_mutex_unlock(&tally->lock);
}

/* Of a walk on one thread: so many of the last levels stay open. */
#define LEVELS_OPEN 4
/* What a shortened path shows of its two ends. */
#define PATH_BEGIN 4
#define PATH_END 2
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
    int code = fs_enter(dirfd, tally->dev, name, ret_fd, ret_stat);
    return code == -ELOOP || code == -ENOTDIR ? -ENOENT : code;
}

/* ---- one thread, any depth */

struct threshold {
    char *name; /* in the level above */
    struct fs_stat stat;
    int fd;           /* -1: not open just now */
    struct buf below; /* names of directories still to be visited, each with its NUL */
    size_t pos;
    bool failed; /* something in it or below */
};

struct climb {
    const struct tree_walk *walk;
    int dirfd; /* that the walk begins in */
    uint64_t dev;
    struct threshold *levels;
    size_t len, cap;
    struct entries *entries;
    bool failed;
};

/* Of a long path, its beginning and its end. */
static char *path_in(const struct climb *climb, const char *name)
{
    struct buf path = {0};
    for (size_t i = 0; i < climb->len; i++) {
        if (i == PATH_BEGIN && climb->len > PATH_BEGIN + PATH_END) {
            buf_append_str(&path, ".../");
            i = climb->len - PATH_END;
        }
        buf_printf(&path, "%s/", climb->levels[i].name);
    }
    buf_append_str(&path, name);
    return buf_take(&path);
}

/* At the last level; NULL: where the walk began. */
static void fail(struct climb *climb, int step, int code, int dirfd, const char *name)
{
    char *path = path_in(climb, name);
    climb->walk->on_failure(
        climb->walk->arg,
        &(struct tree_failure){
            .step = step, .code = code, .dirfd = dirfd, .name = name, .path = path});
    free(path);
    if (climb->len > 0)
        climb->levels[climb->len - 1].failed = true;
    else
        climb->failed = true;
}

static void list_entry(struct climb *climb, struct threshold *level, const struct entry *entry)
{
    const struct tree_walk *walk = climb->walk;
    struct fs_stat stat = {.type = entry->type};
    int code = entry->type == FS_DIR ? 0 : entry_stat(level->fd, entry->name, &stat);
    if (code == -ENOENT)
        return;
    if (code < 0) {
        fail(climb, TREE_LOOK, code, level->fd, entry->name);
    } else if (stat.type == FS_DIR) {
        buf_append(&level->below, entry->name, strlen(entry->name) + 1);
    } else {
        code = walk->on_file(walk->arg, level->fd, entry->name, &stat);
        if (code < 0)
            fail(climb, TREE_ENTRY, code, level->fd, entry->name);
    }
}

/* Files are dealt with at once; of directories the names are kept, so that the
 * descriptor may be closed and another one opened later. */
static void list_last(struct climb *climb)
{
    struct threshold *level = &climb->levels[climb->len - 1];
    struct entries_reader reader = ENTRIES_READER(level->fd);
    struct entry entry;
    int code;
    buf_clear(&level->below);
    level->pos = 0;
    while ((code = entries_read(&reader, climb->entries)) > 0)
        while (entries_next(climb->entries, &entry))
            list_entry(climb, level, &entry);
    if (code < 0)
        fail(climb, TREE_LIST, code, level->fd, ".");
}

static void go_down(struct climb *climb, int dirfd, const char *name)
{
    const struct tree_walk *walk = climb->walk;
    struct threshold level = {.fd = -1};
    int code = fs_enter(dirfd, climb->dev, name, &level.fd, &level.stat);
    if (code == -ENOENT || code == -ELOOP || code == -ENOTDIR)
        return; /* it has gone, or is no directory any more */
    if (code < 0) {
        fail(climb, TREE_ENTER, code, dirfd, name);
        return;
    }
    if (walk->on_enter != NULL)
        walk->on_enter(walk->arg, &level.stat);
    level.name = mem_strdup(name);
    mem_reserve((void **)&climb->levels, &climb->cap, climb->len + 1, sizeof *climb->levels);
    climb->levels[climb->len++] = level;
    if (climb->len > LEVELS_OPEN) {
        struct threshold *old = &climb->levels[climb->len - 1 - LEVELS_OPEN];
        close(old->fd);
        old->fd = -1;
    }
    list_last(climb);
}

static void drop_last(struct climb *climb)
{
    struct threshold *level = &climb->levels[--climb->len];
    if (level->fd >= 0)
        close(level->fd);
    buf_done(&level->below);
    free(level->name);
}

/* What lies above the last level, opened again if need be. */
static int open_above(struct climb *climb, int *ret_fd)
{
    struct threshold *last = &climb->levels[climb->len - 1];
    if (climb->len == 1) {
        *ret_fd = climb->dirfd;
        return 0;
    }
    struct threshold *above = last - 1;
    int code =
        above->fd >= 0 ? 0 : fs_leave(last->fd, above->stat.dev, above->stat.ino, &above->fd);
    *ret_fd = above->fd;
    return code;
}

static void go_up(struct climb *climb)
{
    const struct tree_walk *walk = climb->walk;
    struct threshold *last = &climb->levels[climb->len - 1];
    int above, code = open_above(climb, &above);
    if (code < 0) { /* it was moved elsewhere: how to go on from there is not known */
        fail(climb, TREE_LEAVE, code, last->fd, "..");
        while (climb->len > 0)
            drop_last(climb);
        climb->failed = true;
        return;
    }
    bool failed = last->failed;
    code = walk->on_leave == NULL
               ? 0
               : walk->on_leave(walk->arg, above, last->name, &last->stat, failed);
    if (code == TREE_AGAIN && lseek(last->fd, 0, SEEK_SET) == 0) {
        list_last(climb);
        return;
    }
    char *name = last->name;
    last->name = NULL;
    drop_last(climb);
    if (code < 0)
        fail(climb, TREE_ENTRY, code, above, name);
    else if (failed && climb->len > 0)
        climb->levels[climb->len - 1].failed = true;
    else if (failed)
        climb->failed = true;
    free(name);
}

bool tree_walk(int dirfd, uint64_t dev, const char *name, const struct tree_walk *walk)
{
    struct climb climb = {.walk = walk, .dirfd = dirfd, .dev = dev};
    climb.entries = mem_alloc(sizeof *climb.entries);
    go_down(&climb, dirfd, name);
    while (climb.len > 0) {
        struct threshold *last = &climb.levels[climb.len - 1];
        bool over = walk->is_over != NULL && walk->is_over(walk->arg);
        if (over) {
            drop_last(&climb);
            climb.failed = true;
        } else if (last->pos < last->below.len) {
            const char *next = last->below.data + last->pos;
            last->pos += strlen(next) + 1;
            go_down(&climb, last->fd, next);
        } else {
            go_up(&climb);
        }
    }
    free(climb.levels);
    free(climb.entries);
    return !climb.failed;
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

/* What is mounted is no part of the tree. */
static void count_entry(struct tally *tally, struct subtotal *subtotal, const char *name,
                        const struct fs_stat *stat)
{
    if (stat->mount_root)
        tally_error(tally, -EXDEV, "looking at", name);
    else
        tally_count(tally, subtotal, stat);
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
            count_entry(place->tally, subtotal, entry.name, &stat);
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

/* ---- deeper than the tasks go */

struct deep {
    struct crew *crew;
    struct tally *tally;
    struct subtotal subtotal;
};

static int count_file(void *arg, int dirfd, const char *name, const struct fs_stat *stat)
{
    struct deep *deep = arg;
    (void)dirfd;
    count_entry(deep->tally, &deep->subtotal, name, stat);
    return 0;
}

static void count_directory(void *arg, const struct fs_stat *stat)
{
    struct deep *deep = arg;
    tally_count(deep->tally, &deep->subtotal, stat);
}

static void note_failure(void *arg, const struct tree_failure *failure)
{
    struct deep *deep = arg;
    struct fs_stat stat;
    bool entering = failure->step == TREE_ENTER;
    tally_error(deep->tally, failure->code,
                entering                     ? "entering directory"
                : failure->step == TREE_LOOK ? "looking at"
                                             : "reading",
                failure->path);
    /* It can't be entered, but takes space itself. */
    if (entering && failure->code != -EXDEV &&
        entry_stat(failure->dirfd, failure->name, &stat) == 0)
        tally_count(deep->tally, &deep->subtotal, &stat);
}

static bool is_cancelled(void *arg)
{
    return crew_cancelled(((struct deep *)arg)->crew);
}

static void count_deep(struct crew *crew, struct place *above, const char *name)
{
    struct deep deep = {
        .crew = crew,
        .tally = above->tally,
        .subtotal = {.region = above->region, .leftover = above->leftover},
    };
    const struct tree_walk walk = {
        .on_file = count_file,
        .on_enter = count_directory,
        .on_failure = note_failure,
        .is_over = is_cancelled,
        .arg = &deep,
    };
    tree_walk(above->fd, deep.tally->dev, name, &walk);
    tally_add(deep.tally, &deep.subtotal);
}

static void enter(struct crew *crew, struct place *above, const char *name)
{
    struct tally *tally = above->tally;
    struct subtotal subtotal = {.region = above->region, .leftover = above->leftover};
    struct fs_stat stat;
    int fd = -1;
    if (above->depth >= tally->depth_max) {
        count_deep(crew, above, name);
        return;
    }
    int code = tree_open(tally, above->fd, name, &fd, &stat);
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
    if (code < 0 || stat.mount_root)
        return code < 0 ? code : -EXDEV;
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
