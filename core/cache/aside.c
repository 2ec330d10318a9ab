#include "core/cache/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/cache/layout.h"

#define ROOM 100000
#define ROOM_BESIDE 32
#define INGEST_PREFIX "ingest."

static int open_below(int dirfd, const char *name)
{
    int fd;
    return fs_open_dir(dirfd, name, &fd, NULL) == 0 ? fd : -1;
}

static int lock(int fd, struct err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0; /* where there are no locks, each step still checks what it meets */
    return err_set(err, ERR_BUSY, "another bilge is removing something here");
}

static int open_cache(int root_fd, const char *name, uint64_t dev, uint64_t ino, int *ret_fd,
                      struct err *err)
{
    struct fs_stat stat;
    int fd;
    int code = fs_open_dir(root_fd, name, &fd, err);
    if (code < 0)
        return code;
    code = fs_stat_fd(fd, &stat, err);
    if (code == 0 && ino != 0 && (stat.dev != dev || stat.ino != ino))
        code = err_set(err, ERR_CHANGED, "%s is another directory than the one shown", name);
    if (code == 0)
        code = lock(fd, err);
    if (code < 0)
        close(fd);
    else
        *ret_fd = fd;
    return code;
}

/* A directory of that name that somebody else made is not ours to work in. */
static int open_dir(int cache_fd)
{
    struct fs_stat stat;
    int fd = open_below(cache_fd, CACHE_ASIDE);
    if (fd >= 0 && geteuid() != 0 &&
        (fs_stat_fd(fd, &stat, NULL) < 0 || stat.uid != geteuid())) {
        close(fd);
        return -1;
    }
    return fd;
}

int aside_open(int root_fd, const char *name, uint64_t dev, uint64_t ino,
               struct aside *ret_aside, struct err *err)
{
    struct aside aside = {.blobs_fd = -1};
    int code = open_cache(root_fd, name, dev, ino, &aside.cache_fd, err);
    if (code < 0)
        return code;
    int blobs = open_below(aside.cache_fd, "blobs");
    if (blobs >= 0) {
        aside.blobs_fd = open_below(blobs, "sha256");
        close(blobs);
    }
    aside.ingest_fd = open_below(aside.cache_fd, "ingest");
    aside.dir_fd = open_dir(aside.cache_fd);
    *ret_aside = aside;
    return 0;
}

void aside_close(struct aside *aside)
{
    int fds[] = {aside->dir_fd, aside->blobs_fd, aside->ingest_fd, aside->cache_fd};
    if (aside->dir_fd >= 0)
        unlinkat(aside->cache_fd, CACHE_ASIDE, AT_REMOVEDIR);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

size_t aside_room(const struct aside *aside)
{
    return aside->beside ? ROOM_BESIDE : ROOM;
}

static int home_of(const struct aside *aside, enum aside_kind kind)
{
    return kind == ASIDE_BLOB ? aside->blobs_fd : aside->ingest_fd;
}

struct spot {
    int fd;
    char name[NAME_MAX + 64];
};

static struct spot spot_in(const struct aside *aside, bool beside, enum aside_kind kind,
                           const char *name)
{
    struct spot spot = {.fd = beside ? aside->cache_fd : aside->dir_fd};
    snprintf(spot.name, sizeof spot.name, "%s%s%s", beside ? CACHE_ASIDE "." : "",
             kind == ASIDE_INGEST ? INGEST_PREFIX : "", name);
    return spot;
}

/* Where it waits: in the directory, else beside it. */
static struct spot find_spot(const struct aside *aside, enum aside_kind kind, const char *name)
{
    struct stat st;
    struct spot spot = spot_in(aside, false, kind, name);
    if (spot.fd >= 0 && fstatat(spot.fd, spot.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return spot;
    return spot_in(aside, true, kind, name);
}

/* Never replaces what stands at the new name. */
static int move(int from_fd, const char *from, int to_fd, const char *to)
{
#ifdef RENAME_NOREPLACE
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
#endif
    /* Not every file system can do that in one step. */
    struct stat st;
    if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(from_fd, from, to_fd, to) == 0 ? 0 : -errno;
}

static int make_dir(struct aside *aside)
{
    if (aside->dir_fd >= 0)
        return 0;
    aside->beside = false;
    if (mkdirat(aside->cache_fd, CACHE_ASIDE, 0700) < 0 && errno != EEXIST) {
        aside->beside = errno == ENOSPC || errno == EDQUOT;
        return aside->beside ? 0 : -errno;
    }
    aside->dir_fd = open_dir(aside->cache_fd);
    return aside->dir_fd >= 0 ? 0 : -EPERM;
}

int aside_take(struct aside *aside, enum aside_kind kind, const char *name)
{
    int code = make_dir(aside);
    if (code < 0)
        return code;
    struct spot spot = spot_in(aside, aside->beside, kind, name);
    if (home_of(aside, kind) < 0)
        return -ENOENT;
    return move(home_of(aside, kind), name, spot.fd, spot.name);
}

int aside_return(const struct aside *aside, enum aside_kind kind, const char *name)
{
    struct spot spot = find_spot(aside, kind, name);
    if (home_of(aside, kind) < 0)
        return -ENOENT;
    return move(spot.fd, spot.name, home_of(aside, kind), name);
}

int aside_stat(const struct aside *aside, enum aside_kind kind, const char *name,
               struct fs_stat *ret_stat)
{
    struct spot spot = find_spot(aside, kind, name);
    return fs_stat_at(spot.fd, spot.name, ret_stat, NULL);
}

int aside_delete(const struct aside *aside, enum aside_kind kind, const char *name,
                 int64_t *freed_bytes)
{
    struct spot spot = find_spot(aside, kind, name);
    struct err err = {0};
    return fs_remove_tree(spot.fd, spot.name, freed_bytes, &err);
}

/* ---- what waits */

struct names {
    struct buf text; /* each with its NUL */
    bool beside;
};

static int add_name(void *arg, const char *name, enum fs_type type)
{
    struct names *names = arg;
    const char *prefix = CACHE_ASIDE ".";
    (void)type;
    if (names->beside && strncmp(name, prefix, strlen(prefix)) != 0)
        return 0;
    name += names->beside ? strlen(prefix) : 0;
    buf_append(&names->text, name, strlen(name) + 1);
    return 0;
}

static void call_each(const struct names *names, aside_cb *cb, void *arg)
{
    const char *end = names->text.data + names->text.len;
    for (const char *name = names->text.data; name < end; name += strlen(name) + 1) {
        bool ingest = strncmp(name, INGEST_PREFIX, strlen(INGEST_PREFIX)) == 0;
        cb(arg, ingest ? ASIDE_INGEST : ASIDE_BLOB, ingest ? name + strlen(INGEST_PREFIX) : name);
    }
}

int aside_each(const struct aside *aside, aside_cb *cb, void *arg, struct err *err)
{
    for (int beside = 0; beside < 2; beside++) {
        struct names names = {.beside = beside != 0};
        int fd = beside ? aside->cache_fd : aside->dir_fd;
        int code = fd >= 0 ? fs_each(fd, add_name, &names, err) : 0;
        if (code == 0 && names.text.len > 0)
            call_each(&names, cb, arg);
        buf_done(&names.text);
        if (code < 0)
            return code;
    }
    return 0;
}
