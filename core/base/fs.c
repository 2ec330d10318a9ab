#include "core/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/path.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY)

bool fs_is_name(const char *name)
{
    return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strchr(name, '/') == NULL;
}

enum fs_type fs_type_of_mode(mode_t mode)
{
    return S_ISREG(mode) ? FS_FILE : S_ISDIR(mode) ? FS_DIR : S_ISLNK(mode) ? FS_SYMLINK : FS_OTHER;
}

enum fs_type fs_type_of_entry(unsigned char d_type)
{
    switch (d_type) {
    case DT_REG:
        return FS_FILE;
    case DT_DIR:
        return FS_DIR;
    case DT_LNK:
        return FS_SYMLINK;
    default:
        return FS_OTHER;
    }
}

static void fill_stat(const struct stat *st, struct fs_stat *ret_stat)
{
    *ret_stat = (struct fs_stat){
        .type = fs_type_of_mode(st->st_mode),
        .dev = st->st_dev,
        .ino = st->st_ino,
        .nlink = (uint32_t)st->st_nlink,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mode = st->st_mode & 07777,
        .size_bytes = st->st_size,
        .allocated_bytes = (int64_t)st->st_blocks * 512,
        .modified_at = clock_of_file(st->st_mtim.tv_sec, st->st_mtim.tv_nsec),
    };
}

int fs_stat_fd(int fd, struct fs_stat *ret_stat, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, -errno, "looking at an open file");
    fill_stat(&st, ret_stat);
    return 0;
}

int fs_stat_at(int dirfd, const char *name, struct fs_stat *ret_stat, struct err *err)
{
    struct stat st;
    if (!fs_is_name(name))
        return err_sys(err, -EINVAL, "looking at %s", name);
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, -errno, "looking at %s", name);
    fill_stat(&st, ret_stat);
    return 0;
}

int fs_open_root(const char *path, int *ret_fd, struct err *err)
{
    int fd = open(path, DIR_FLAGS);
    if (fd < 0)
        return err_sys(err, -errno, "opening %s", path);
    *ret_fd = fd;
    return 0;
}

/* True for the root of a mount, where the kernel tells: a bind mount of the
 * same file system has the device number of its surroundings. */
static bool is_mount_root(int fd)
{
#ifdef STATX_ATTR_MOUNT_ROOT
    struct statx stx;
    return statx(fd, "", AT_EMPTY_PATH, 0, &stx) == 0 &&
           (stx.stx_attributes & stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
#else
    (void)fd;
    return false;
#endif
}

/* Linux says ENOTDIR of a symlink too, when asked for a directory. */
static int open_dir_failure(int dirfd, const char *name, int code)
{
    struct stat st;
    bool is_link = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    return code == -ENOTDIR && is_link ? -ELOOP : code;
}

int fs_open_dir(int dirfd, const char *name, int *ret_fd, struct err *err)
{
    struct stat above, below;
    if (!fs_is_name(name))
        return err_sys(err, -EINVAL, "opening directory %s", name);
    int fd = openat(dirfd, name, DIR_FLAGS | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(err, open_dir_failure(dirfd, name, -errno), "opening directory %s", name);
    if (fstat(dirfd, &above) < 0 || fstat(fd, &below) < 0) {
        int code = -errno;
        close(fd);
        return err_sys(err, code, "opening directory %s", name);
    }
    if (above.st_dev != below.st_dev || is_mount_root(fd)) {
        close(fd);
        return err_set(err, -EXDEV, "opening directory %s: it is a mount point", name);
    }
    *ret_fd = fd;
    return 0;
}

int fs_open_file(int dirfd, const char *name, struct fs_stat *ret_stat, int *ret_fd,
                 struct err *err)
{
    struct fs_stat stat;
    int code = fs_stat_at(dirfd, name, &stat, err);
    if (code < 0)
        return code;
    if (stat.type != FS_FILE)
        return err_set(err, ERR_FOREIGN, "reading %s: not a regular file", name);
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, -errno, "reading %s", name);
    code = fs_stat_fd(fd, &stat, err);
    if (code == 0 && stat.type != FS_FILE)
        code = err_set(err, ERR_FOREIGN, "reading %s: not a regular file", name);
    if (code < 0) {
        close(fd);
        return code;
    }
    *ret_stat = stat;
    *ret_fd = fd;
    return 0;
}

int fs_read_file(int dirfd, const char *name, size_t max, struct buf *buf, struct err *err)
{
    struct fs_stat stat;
    int fd = -1, code = fs_open_file(dirfd, name, &stat, &fd, err);
    if (code < 0)
        return code;
    size_t start = buf->len;
    mem_reserve((void **)&buf->data, &buf->cap, start + 1, 1);
    while (code == 0) {
        size_t have = buf->len - start;
        if (have > max || (uint64_t)stat.size_bytes > max) {
            code = err_set(err, ERR_LIMIT, "reading %s: larger than %zu bytes", name, max);
            break;
        }
        /* One byte more than it should hold, so that the end shows itself. */
        size_t want = (size_t)stat.size_bytes > have ? (size_t)stat.size_bytes - have + 1 : 4096;
        mem_reserve((void **)&buf->data, &buf->cap, buf->len + want + 1, 1);
        ssize_t got = read(fd, buf->data + buf->len, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = err_sys(err, -errno, "reading %s", name);
        if (got <= 0)
            break;
        buf->len += (size_t)got;
    }
    close(fd);
    if (code < 0)
        buf->len = start;
    buf->data[buf->len] = '\0';
    return code;
}

int fs_read_path(const char *path, size_t max, struct buf *buf, struct err *err)
{
    char *parent = path_parent(path);
    int fd = -1, code = fs_open_root(parent, &fd, err);
    if (code == 0) {
        code = fs_read_file(fd, path_name(path), max, buf, err);
        close(fd);
    }
    free(parent);
    return code;
}

int fs_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t written = write(fd, at, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        at += written;
        len -= (size_t)written;
    }
    return 0;
}

int fs_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                  struct err *err)
{
    return fs_write_file_as(dirfd, name, data, len, mode, geteuid(), getegid(), err);
}

int fs_prepare_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                    uid_t uid, gid_t gid, char ret_temporary[FS_TEMPORARY_SIZE], struct err *err)
{
    if (!fs_is_name(name) || strlen(name) > NAME_MAX)
        return err_sys(err, -EINVAL, "writing %s", name);
    snprintf(ret_temporary, FS_TEMPORARY_SIZE, ".%.200s.bilge-%ld", name, (long)getpid());
    unlinkat(dirfd, ret_temporary, 0); /* of an earlier life with our pid */
    int fd =
        openat(dirfd, ret_temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return err_sys(err, -errno, "writing %s", name);
    int code = fs_write_all(fd, data, len);
    if (code == 0 && (uid != geteuid() || gid != getegid()) && fchown(fd, uid, gid) < 0)
        code = -errno;
    if (code == 0 && fchmod(fd, mode) < 0)
        code = -errno;
    if (code == 0 && fsync(fd) < 0)
        code = -errno;
    if (close(fd) < 0 && code == 0)
        code = -errno;
    if (code < 0) {
        unlinkat(dirfd, ret_temporary, 0);
        return err_sys(err, code, "writing %s", name);
    }
    return 0;
}

int fs_write_file_as(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                     uid_t uid, gid_t gid, struct err *err)
{
    char temporary[FS_TEMPORARY_SIZE];
    int code = fs_prepare_file(dirfd, name, data, len, mode, uid, gid, temporary, err);
    if (code == 0 && renameat(dirfd, temporary, dirfd, name) < 0) {
        code = err_sys(err, -errno, "writing %s", name);
        unlinkat(dirfd, temporary, 0);
    }
    return code;
}

int fs_write_path(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
    char *parent = path_parent(path);
    int fd = -1, code = fs_open_root(parent, &fd, err);
    if (code == 0) {
        code = fs_write_file(fd, path_name(path), data, len, mode, err);
        close(fd);
    }
    free(parent);
    return code < 0 ? err_sys(err, code, "writing %s", path) : 0;
}

int fs_each(int dirfd, fs_entry_cb *cb, void *arg, struct err *err)
{
    int copy = openat(dirfd, ".", DIR_FLAGS);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        int code = -errno;
        if (copy >= 0)
            close(copy);
        return err_sys(err, code, "reading a directory");
    }
    int result = 0;
    while (result == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                result = err_sys(err, -errno, "reading a directory");
            break;
        }
        if (fs_is_name(entry->d_name))
            result = cb(arg, entry->d_name, fs_type_of_entry(entry->d_type));
    }
    closedir(dir);
    return result;
}
