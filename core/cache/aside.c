#include "core/cache/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/cache/busy.h"
#include "core/cache/tree.h"
#include "core/cache/unlink.h"
#include "core/oci/layout.h"

#define ROOM 100000
#define ROOM_BESIDE 32
#define INGEST_PREFIX "ingest."
#define LOCK_TRIES 10
#define LOCK_PAUSE_MS 20

/* *ret_fd stays -1 when there is none. */
static int open_below(int dirfd, const char *name, int *ret_fd, struct err *err)
{
    int code = fs_open_dir(dirfd, name, ret_fd, err);
    return code == -ENOENT ? 0 : code;
}

/* On some file systems there are no locks: each step still checks what it meets. */
static bool has_no_locks(int code)
{
    return code == ENOLCK || code == EOPNOTSUPP || code == ENOTSUP || code == EINVAL ||
           code == ENOSYS;
}

int aside_try_lock(int fd)
{
    int code;
    do
        code = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
    while (code == -EINTR);
    if (code == -EWOULDBLOCK)
        return ERR_BUSY;
    return has_no_locks(-code) ? 0 : code;
}

/* Who only looks whether the lock is held holds it for a moment itself. */
static int lock(int fd, struct err *err)
{
    int code;
    for (int tries = 0; (code = aside_try_lock(fd)) == ERR_BUSY && tries < LOCK_TRIES; tries++)
        nanosleep(&(struct timespec){0, LOCK_PAUSE_MS * 1000000L}, NULL);
    if (code == ERR_BUSY)
        return err_set(err, code, "another bilge is removing something here");
    return code < 0 ? err_sys(err, code, "locking a cache directory") : 0;
}

int aside_lock(int root_fd, const char *name, uint64_t dev, uint64_t ino, int *ret_fd,
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
static int open_dir(struct aside *aside, struct err *err)
{
    struct fs_stat stat;
    int code = open_below(aside->cache_fd, CACHE_ASIDE, &aside->dir_fd, err);
    if (code < 0 || aside->dir_fd < 0 || geteuid() == 0)
        return code;
    code = fs_stat_fd(aside->dir_fd, &stat, err);
    if (code == 0 && stat.uid != geteuid())
        code = err_set(err, ERR_FOREIGN, CACHE_ASIDE " in it belongs to another user");
    if (code < 0) {
        close(aside->dir_fd);
        aside->dir_fd = -1;
    }
    return code;
}

static int open_blobs(struct aside *aside, struct err *err)
{
    int above = -1, code = open_below(aside->cache_fd, "blobs", &above, err);
    if (code == 0 && above >= 0)
        code = open_below(above, "sha256", &aside->blobs_fd, err);
    if (above >= 0)
        close(above);
    return code;
}

static void close_all(const struct aside *aside)
{
    int fds[] = {aside->dir_fd, aside->blobs_fd, aside->ingest_fd, aside->cache_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int aside_open(int root_fd, const char *name, uint64_t dev, uint64_t ino, struct aside *ret_aside,
               struct err *err)
{
    struct aside aside = {.blobs_fd = -1, .ingest_fd = -1, .dir_fd = -1};
    int code = aside_lock(root_fd, name, dev, ino, &aside.cache_fd, err);
    if (code < 0)
        return code;
    code = open_blobs(&aside, err);
    if (code == 0)
        code = open_below(aside.cache_fd, "ingest", &aside.ingest_fd, err);
    if (code == 0)
        code = open_dir(&aside, err);
    if (code < 0)
        close_all(&aside);
    else
        *ret_aside = aside;
    return code;
}

/* ---- where things wait */

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
static int find_spot(const struct aside *aside, enum aside_kind kind, const char *name,
                     struct spot *ret_spot, struct fs_stat *ret_stat)
{
    *ret_spot = spot_in(aside, false, kind, name);
    int code = ret_spot->fd >= 0 ? fs_look(ret_spot->fd, ret_spot->name, ret_stat) : -ENOENT;
    if (code != -ENOENT)
        return code;
    *ret_spot = spot_in(aside, true, kind, name);
    return fs_look(ret_spot->fd, ret_spot->name, ret_stat);
}

/* ---- an entry of ingest/ of which a part is gone */

static int leave_file(void *arg, int dirfd, const char *name, const struct fs_stat *stat)
{
    (void)arg;
    (void)dirfd;
    (void)name;
    (void)stat;
    return 0;
}

static int leave_directory(void *arg, int above, const char *name, const struct fs_stat *stat,
                           bool failed)
{
    const int64_t *modified_at = arg;
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = *modified_at / CLOCK_SECOND, .tv_nsec = *modified_at % CLOCK_SECOND}};
    (void)failed;
    if (stat->modified_at > *modified_at)
        utimensat(above, name, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static void ignore_failure(void *arg, const struct tree_failure *failure)
{
    (void)arg;
    (void)failure;
}

static void keep_time(int dirfd, const char *name, int64_t modified_at)
{
    struct fs_stat above;
    const struct tree_walk walk = {.on_file = leave_file,
                                   .on_leave = leave_directory,
                                   .on_failure = ignore_failure,
                                   .arg = &modified_at};
    if (fs_look(dirfd, "", &above) == 0)
        tree_walk(dirfd, above.dev, name, &walk);
}

static int find_newest(void *arg, int dirfd, const char *name, const struct fs_stat *stat)
{
    int64_t *newest_at = arg;
    (void)dirfd;
    (void)name;
    if (stat->modified_at > *newest_at)
        *newest_at = stat->modified_at;
    return 0;
}

/* A bilge that was killed may have deleted a part of it. That makes directories look as
 * if an export had just written to them: only the files that are left tell when one did. */
static void keep_time_of_files(const struct aside *aside, const char *name)
{
    struct spot spot;
    struct fs_stat stat;
    int64_t newest_at = clock_now() - BUSY_GRACE_SECONDS * CLOCK_SECOND;
    const struct tree_walk walk = {
        .on_file = find_newest, .on_failure = ignore_failure, .arg = &newest_at};
    if (find_spot(aside, ASIDE_INGEST, name, &spot, &stat) < 0 || stat.type != FS_DIR)
        return;
    tree_walk(spot.fd, stat.dev, spot.name, &walk);
    keep_time(spot.fd, spot.name, newest_at);
}

void aside_keep_time(const struct aside *aside, const char *name, int64_t modified_at)
{
    if (aside->ingest_fd >= 0)
        keep_time(aside->ingest_fd, name, modified_at);
}

/* ---- putting back */

/* Somebody has taken blobs/ away meanwhile. */
static int make_blobs(struct aside *aside)
{
    int above, code = fs_make_dir(aside->cache_fd, "blobs", &above, NULL);
    if (code < 0)
        return code;
    code = fs_make_dir(above, "sha256", &aside->blobs_fd, NULL);
    close(above);
    return code;
}

struct returning {
    struct aside *aside;
    size_t left;
    int code; /* of the first that stays */
};

/* Of what was written anew meanwhile the older copy goes; so does half a write for
 * which there is no ingest/ any more. */
static void return_one(void *arg, enum aside_kind kind, const char *name)
{
    struct returning *returning = arg;
    struct aside *aside = returning->aside;
    int code = 0;
    if (kind == ASIDE_INGEST)
        keep_time_of_files(aside, name);
    if (kind == ASIDE_BLOB && aside->blobs_fd < 0)
        code = make_blobs(aside);
    if (code == 0)
        code = kind == ASIDE_INGEST && aside->ingest_fd < 0 ? -EEXIST
                                                            : aside_return(aside, kind, name);
    if (code == -EEXIST)
        code = aside_delete(aside, kind, name, NULL);
    if (code == 0 || code == -ENOENT)
        return;
    if (returning->left++ == 0)
        returning->code = code;
}

int aside_return_all(struct aside *aside, struct err *err)
{
    struct returning returning = {.aside = aside};
    int code = aside_each(aside, return_one, &returning, err);
    if (code == 0 && returning.left > 0)
        code = err_sys(err, returning.code, "putting back %zu blobs that were set aside",
                       returning.left);
    return code;
}

static int remove_dir(const struct aside *aside)
{
    int64_t touched_at = busy_touched_at(aside->cache_fd);
    if (unlinkat(aside->cache_fd, CACHE_ASIDE, AT_REMOVEDIR) < 0)
        return errno == ENOENT ? 0 : -errno;
    busy_keep_time(aside->cache_fd, touched_at);
    return 0;
}

static bool is_not_empty(int code)
{
    return code == -ENOTEMPTY || code == -EEXIST;
}

int aside_close(struct aside *aside, struct err *err)
{
    int removed = remove_dir(aside), code = 0;
    if (is_not_empty(removed) || aside->beside) {
        code = aside_return_all(aside, err);
        removed = remove_dir(aside);
    }
    /* What is in it then is not ours. */
    if (code == 0 && removed < 0 && !is_not_empty(removed))
        code = err_sys(err, removed, "removing " CACHE_ASIDE);
    if (aside->beside)
        busy_keep_time(aside->cache_fd, aside->touched_at);
    close_all(aside);
    return code;
}

/* ---- setting aside */

size_t aside_room(const struct aside *aside)
{
    return aside->beside ? ROOM_BESIDE : ROOM;
}

static int make_dir(struct aside *aside)
{
    if (aside->dir_fd >= 0)
        return 0;
    aside->beside = false;
    int64_t touched_at = busy_touched_at(aside->cache_fd);
    if (mkdirat(aside->cache_fd, CACHE_ASIDE, 0700) < 0 && errno != EEXIST) {
        aside->beside = errno == ENOSPC || errno == EDQUOT;
        return aside->beside ? 0 : -errno;
    }
    int code = open_dir(aside, NULL);
    if (code == 0 && aside->dir_fd < 0)
        code = -ENOENT;
    if (code < 0)
        unlinkat(aside->cache_fd, CACHE_ASIDE, AT_REMOVEDIR);
    busy_keep_time(aside->cache_fd, touched_at);
    return code;
}

int aside_take(struct aside *aside, enum aside_kind kind, const char *name)
{
    if (home_of(aside, kind) < 0)
        return -ENOENT;
    int code = make_dir(aside);
    if (code < 0)
        return code;
    struct spot spot = spot_in(aside, aside->beside, kind, name);
    if (aside->beside)
        aside->touched_at = busy_touched_at(aside->cache_fd);
    code = fs_move(home_of(aside, kind), name, spot.fd, spot.name);
    if (aside->beside)
        busy_keep_time(aside->cache_fd, aside->touched_at);
    return code;
}

int aside_return(const struct aside *aside, enum aside_kind kind, const char *name)
{
    struct spot spot;
    struct fs_stat stat;
    int code = find_spot(aside, kind, name, &spot, &stat);
    if (code == 0 && home_of(aside, kind) < 0)
        code = -ENOTDIR;
    return code < 0 ? code : fs_move(spot.fd, spot.name, home_of(aside, kind), name);
}

int aside_stat(const struct aside *aside, enum aside_kind kind, const char *name,
               struct fs_stat *ret_stat)
{
    struct spot spot;
    return find_spot(aside, kind, name, &spot, ret_stat);
}

int aside_delete(const struct aside *aside, enum aside_kind kind, const char *name,
                 int64_t *freed_bytes)
{
    struct spot spot;
    struct fs_stat stat;
    int code = find_spot(aside, kind, name, &spot, &stat);
    if (code == -ENOENT)
        return 0;
    return code < 0 ? code : unlink_tree(spot.fd, spot.name, NULL, freed_bytes, NULL);
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

static bool is_ingest(const char *name)
{
    return strncmp(name, INGEST_PREFIX, strlen(INGEST_PREFIX)) == 0 &&
           fs_is_name(name + strlen(INGEST_PREFIX));
}

bool aside_is_ours(const char *name)
{
    struct digest digest;
    return is_ingest(name) || digest_parse_hex(name, &digest);
}

static void call_each(const struct names *names, aside_cb *cb, void *arg)
{
    const char *end = names->text.data + names->text.len;
    for (const char *name = names->text.data; name < end; name += strlen(name) + 1) {
        if (is_ingest(name))
            cb(arg, ASIDE_INGEST, name + strlen(INGEST_PREFIX));
        else if (aside_is_ours(name))
            cb(arg, ASIDE_BLOB, name);
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
