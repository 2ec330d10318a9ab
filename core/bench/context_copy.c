#include "core/bench/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

#define CHUNK_BYTES (1024 * 1024)

struct made {
    char *path;
    int64_t modified_at;
    uint32_t mode;
};

struct copy {
    int to_fd;
    const atomic_bool *cancel;
    char *chunk;
    struct made *directories; /* their modes and times come last */
    size_t len, cap;
};

static void keep_time(int fd, const char *path, int64_t modified_at)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t)(modified_at / 1000000000), .tv_nsec = (long)(modified_at % 1000000000)},
    };
    utimensat(fd, path, times, AT_SYMLINK_NOFOLLOW); /* without it the copy is newer, no more */
}

static int copy_data(struct copy *copy, int from, int to)
{
    for (;;) {
        ssize_t len = read(from, copy->chunk, CHUNK_BYTES);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return -errno;
        int code = len == 0 ? 0 : fs_write_all(to, copy->chunk, (size_t)len);
        if (len == 0 || code < 0)
            return code;
        if (atomic_load(copy->cancel))
            return ERR_CANCELLED;
    }
}

static int copy_file(struct copy *copy, int dirfd, const char *name, const char *path,
                     struct err *err)
{
    struct fs_stat stat;
    int from;
    int code = fs_open_file(dirfd, name, &stat, &from, err);
    if (code < 0)
        return code;
    int to = openat(copy->to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    code = to < 0 ? -errno : copy_data(copy, from, to);
    if (to >= 0 && fchmod(to, stat.mode) < 0 && code == 0)
        code = -errno;
    if (to >= 0 && close(to) < 0 && code == 0)
        code = -errno;
    close(from);
    if (code < 0)
        return err_sys(err, code, "copying %s", path);
    keep_time(copy->to_fd, path, stat.modified_at);
    return 0;
}

static int copy_link(struct copy *copy, int dirfd, const char *name, const char *path,
                     const struct fs_stat *stat, struct err *err)
{
    char target[4096];
    ssize_t len = readlinkat(dirfd, name, target, sizeof target - 1);
    if (len < 0)
        return err_sys(err, -errno, "copying %s", path);
    target[len] = '\0';
    if (symlinkat(target, copy->to_fd, path) < 0)
        return err_sys(err, -errno, "copying %s", path);
    keep_time(copy->to_fd, path, stat->modified_at);
    return 0;
}

static int copy_entry(void *arg, int dirfd, const char *name, const char *path,
                      const struct fs_stat *stat, struct err *err)
{
    struct copy *copy = arg;
    if (atomic_load(copy->cancel))
        return err_set(err, ERR_CANCELLED, "interrupted");
    switch (stat->type) {
    case FS_DIR:
        if (mkdirat(copy->to_fd, path, 0700) < 0)
            return err_sys(err, -errno, "copying %s", path);
        mem_reserve((void **)&copy->directories, &copy->cap, copy->len + 1,
                    sizeof *copy->directories);
        copy->directories[copy->len++] =
            (struct made){mem_strdup(path), stat->modified_at, stat->mode};
        return 0;
    case FS_FILE:
        return copy_file(copy, dirfd, name, path, err);
    case FS_SYMLINK:
        return copy_link(copy, dirfd, name, path, stat, err);
    default:
        return 0;
    }
}

static void finish_directories(struct copy *copy)
{
    while (copy->len > 0) {
        struct made *made = &copy->directories[--copy->len];
        /* We must be able to remove what is in it again. */
        fchmodat(copy->to_fd, made->path, made->mode | 0700, 0);
        keep_time(copy->to_fd, made->path, made->modified_at);
        free(made->path);
    }
    free(copy->directories);
}

int context_copy(const char *context, const char *dockerfile, const char *to,
                 const atomic_bool *cancel, struct err *err)
{
    struct copy copy = {.cancel = cancel};
    if (mkdir(to, 0700) < 0)
        return err_sys(err, -errno, "making %s", to);
    int code = fs_open_root(to, &copy.to_fd, err);
    if (code < 0)
        return code;
    copy.chunk = mem_alloc(CHUNK_BYTES);
    code = context_walk(context, dockerfile, copy_entry, &copy, err);
    finish_directories(&copy);
    free(copy.chunk);
    close(copy.to_fd);
    return code;
}
