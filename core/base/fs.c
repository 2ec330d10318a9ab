#include "core/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"

#ifdef __linux__
#endif

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

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

/* ---- what a name stands for */

#ifdef __linux__
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000 /* the headers may be older than the kernel */
#endif

/* *ret_told: the kernel knows whether it is the root of a mount. */
static int look(int dirfd, const char *name, struct fs_stat *ret_stat, bool *ret_told)
{
    /* Asking for little matters on network file systems. */
    const unsigned mask = STATX_TYPE | STATX_INO | STATX_NLINK | STATX_SIZE | STATX_BLOCKS |
                          STATX_MTIME | STATX_UID | STATX_GID | STATX_MODE;
    struct statx stx;
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name[0] == '\0' ? AT_EMPTY_PATH : 0);
    if (statx(dirfd, name, flags, mask, &stx) < 0)
        return -errno;
    *ret_told = (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
    *ret_stat = (struct fs_stat){
        .type = fs_type_of_mode(stx.stx_mode),
        .dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
        .ino = stx.stx_ino,
        .nlink = stx.stx_nlink,
        .uid = stx.stx_uid,
        .gid = stx.stx_gid,
        .mode = stx.stx_mode & 07777,
        .size_bytes = (int64_t)stx.stx_size,
        .allocated_bytes = (int64_t)stx.stx_blocks * 512,
        .modified_at = clock_of_file(stx.stx_mtime.tv_sec, stx.stx_mtime.tv_nsec),
        .mount_root = (stx.stx_attributes & stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0,
    };
    return 0;
}

/* The number of the mount that an open file lies on. */
static int read_mount_id(int fd, int64_t *ret_id)
{
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return errno == ENOENT ? -EOPNOTSUPP : -errno;
    ssize_t got = read(info, text, sizeof text - 1);
    int code = got < 0 ? -errno : 0;
    close(info);
    if (code < 0)
        return code;
    text[got] = '\0';
    const char *id = strstr(text, "mnt_id:");
    if (id == NULL)
        return -EOPNOTSUPP;
    *ret_id = strtoll(id + strlen("mnt_id:"), NULL, 10);
    return 0;
}

/* Of kernels before 5.8: they know mounts by number only. */
static int compare_mounts(int above, int below)
{
    int64_t here = 0, there = 0;
    int code = read_mount_id(above, &here);
    if (code == 0)
        code = read_mount_id(below, &there);
    return code < 0 ? code : here != there ? -EXDEV : 0;
}

#else

static int look(int dirfd, const char *name, struct fs_stat *ret_stat, bool *ret_told)
{
    struct stat st;
    int code = name[0] == '\0' ? fstat(dirfd, &st) : fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
    if (code < 0)
        return -errno;
    *ret_told = true; /* what is mounted has a device number of its own */
    *ret_stat = (struct fs_stat){
        .type = fs_type_of_mode(st.st_mode),
        .dev = st.st_dev,
        .ino = st.st_ino,
        .nlink = (uint32_t)st.st_nlink,
        .uid = st.st_uid,
        .gid = st.st_gid,
        .mode = st.st_mode & 07777,
        .size_bytes = st.st_size,
        .allocated_bytes = (int64_t)st.st_blocks * 512,
        .modified_at = clock_of_file(st.st_mtim.tv_sec, st.st_mtim.tv_nsec),
    };
    return 0;
}

static int compare_mounts(int above, int below)
{
    (void)above;
    (void)below;
    return 0;
}

#endif

int fs_look(int dirfd, const char *name, struct fs_stat *ret_stat)
{
    bool told;
    return look(dirfd, name, ret_stat, &told);
}

int fs_stat_fd(int fd, struct fs_stat *ret_stat, struct err *err)
{
    int code = fs_look(fd, "", ret_stat);
    return code < 0 ? err_sys(err, code, "looking at an open file") : 0;
}

int fs_stat_at(int dirfd, const char *name, struct fs_stat *ret_stat, struct err *err)
{
    int code = fs_is_name(name) ? fs_look(dirfd, name, ret_stat) : -EINVAL;
    return code < 0 ? err_sys(err, code, "looking at %s", name) : 0;
}

/* ---- directories */

int fs_open_root(const char *path, int *ret_fd, struct err *err)
{
    int fd = open(path, DIR_FLAGS);
    if (fd < 0)
        return err_sys(err, -errno, "opening %s", path);
    *ret_fd = fd;
    return 0;
}

/* Linux says ENOTDIR of a symlink too, when asked for a directory. */
static int open_failure(int dirfd, const char *name, int code)
{
    struct fs_stat stat;
    bool is_link = code == -ENOTDIR && fs_look(dirfd, name, &stat) == 0 && stat.type == FS_SYMLINK;
    return is_link ? -ELOOP : code;
}

int fs_enter(int dirfd, uint64_t dev, const char *name, int *ret_fd, struct fs_stat *ret_stat)
{
    struct fs_stat stat;
    bool told = false;
    if (!fs_is_name(name))
        return -EINVAL;
    int fd = openat(dirfd, name, DIR_FLAGS | O_NOFOLLOW);
    if (fd < 0)
        return open_failure(dirfd, name, -errno);
    int code = look(fd, "", &stat, &told);
    if (code == 0 && (stat.dev != dev || stat.mount_root))
        code = -EXDEV;
    if (code == 0 && !told)
        code = compare_mounts(dirfd, fd);
    if (code < 0) {
        close(fd);
        return code;
    }
    *ret_fd = fd;
    *ret_stat = stat;
    return 0;
}

int fs_open_dir(int dirfd, const char *name, int *ret_fd, struct err *err)
{
    struct fs_stat above, stat;
    int code = fs_look(dirfd, "", &above);
    if (code == 0)
        code = fs_enter(dirfd, above.dev, name, ret_fd, &stat);
    if (code == -EXDEV)
        return err_set(err, code, "opening directory %s: it is a mount point", name);
    return code < 0 ? err_sys(err, code, "opening directory %s", name) : 0;
}

static int give_to_owner_above(int dirfd, int fd, struct err *err)
{
    struct fs_stat above;
    int code = fs_stat_fd(dirfd, &above, err);
    if (code == 0 && fchown(fd, above.uid, above.gid) < 0)
        code = err_sys(err, -errno, "giving a new directory to its owner");
    return code;
}

int fs_make_dir(int dirfd, const char *name, int *ret_fd, struct err *err)
{
    *ret_fd = -1;
    if (!fs_is_name(name))
        return err_set(err, -EINVAL, "%s is no name of a directory", name);
    bool made = mkdirat(dirfd, name, 0755) == 0;
    if (!made && errno != EEXIST)
        return err_sys(err, -errno, "making directory %s", name);
    int code = fs_open_dir(dirfd, name, ret_fd, err);
    if (code == 0 && made && geteuid() == 0)
        code = give_to_owner_above(dirfd, *ret_fd, err);
    if (code < 0 && *ret_fd >= 0) {
        close(*ret_fd);
        *ret_fd = -1;
    }
    return code;
}

int fs_leave(int fd, uint64_t dev, uint64_t ino, int *ret_fd)
{
    struct fs_stat stat;
    int above = openat(fd, "..", DIR_FLAGS | O_NOFOLLOW);
    if (above < 0)
        return -errno;
    int code = fs_look(above, "", &stat);
    if (code == 0 && (stat.dev != dev || stat.ino != ino))
        code = ERR_CHANGED;
    if (code < 0)
        close(above);
    else
        *ret_fd = above;
    return code;
}

int fs_open_again(int dirfd, int *ret_fd)
{
    int fd = openat(dirfd, ".", DIR_FLAGS);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

/* ---- files */

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
    flock(fd, LOCK_EX | LOCK_NB); /* tells it from one that a killed bilge left */
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

int fs_move(int from_fd, const char *from, int to_fd, const char *to)
{
#ifdef RENAME_NOREPLACE
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
#endif
    /* Not every file system can do that in one step. */
    struct fs_stat stat;
    int code = fs_look(to_fd, to, &stat);
    if (code != -ENOENT)
        return code < 0 ? code : -EEXIST;
    return renameat(from_fd, from, to_fd, to) == 0 ? 0 : -errno;
}

int fs_each(int dirfd, fs_entry_cb *cb, void *arg, struct err *err)
{
    int copy = -1, code = fs_open_again(dirfd, &copy);
    if (code < 0)
        return err_sys(err, code, "reading a directory");
    DIR *dir = fdopendir(copy);
    if (dir == NULL) {
        code = -errno;
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

int fs_each_path(const char *path, fs_entry_cb *cb, void *arg, struct err *err)
{
    int fd = -1, code = fs_open_root(path, &fd, err);
    if (code < 0)
        return code;
    code = fs_each(fd, cb, arg, err);
    close(fd);
    return code;
}

/* The file system that things are on. */

#ifdef __linux__
#endif

static bool lies_in_memory(int fd)
{
#ifdef __linux__
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
#else
    (void)fd;
    return false;
#endif
}

int fs_space(int fd, struct fs_space *ret_space, struct err *err)
{
    struct statvfs vfs;
    if (fstatvfs(fd, &vfs) < 0)
        return err_sys(err, -errno, "asking for free space");
    *ret_space = (struct fs_space){
        .total_bytes = (int64_t)vfs.f_blocks * (int64_t)vfs.f_frsize,
        .free_bytes = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize,
        .in_memory = lies_in_memory(fd),
        .read_only = (vfs.f_flag & ST_RDONLY) != 0,
    };
    return 0;
}

char *fs_mount_point(const char *path)
{
    struct stat here, above;
    char *place = realpath(path, NULL);
    if (place == NULL || stat(place, &here) < 0) {
        free(place);
        return NULL;
    }
    while (strcmp(place, "/") != 0) {
        char *parent = path_parent(place);
        bool same = stat(parent, &above) == 0 && above.st_dev == here.st_dev;
        free(same ? place : parent);
        if (!same)
            break;
        place = parent;
    }
    return place;
}

/* ---- what is mounted below a directory */

#ifdef __linux__
/* mountinfo writes blanks, newlines and backslashes as \ooo. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* The fifth word of a line is where it is mounted. */
static char *take_mount(char *line)
{
    char *rest = line, *word = NULL;
    for (int i = 0; i < 5; i++)
        word = strsep(&rest, " ");
    if (word != NULL)
        unescape(word);
    return word;
}

static char *find_below(FILE *mounts, const char *path)
{
    size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path), cap = 0;
    char *line = NULL, *found = NULL;
    while (found == NULL && getline(&line, &cap, mounts) > 0) {
        const char *place = take_mount(line);
        if (place != NULL && strncmp(place, path, len) == 0 && place[len] == '/' &&
            place[len + 1] != '\0')
            found = mem_strdup(place + len + 1);
    }
    free(line);
    return found;
}

char *fs_find_mount(int dirfd)
{
    char link[48], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    FILE *mounts = len > 0 ? fopen("/proc/self/mountinfo", "re") : NULL;
    if (mounts == NULL)
        return NULL;
    path[len] = '\0';
    char *found = find_below(mounts, path);
    fclose(mounts);
    return found;
}
#else
char *fs_find_mount(int dirfd)
{
    (void)dirfd;
    return NULL;
}
#endif

bool fs_is_local(int fd)
{
#ifdef __linux__
    static const unsigned long local[] = {
        0xEF53,     /* ext2, ext3, ext4 */
        0x58465342, /* XFS */
        0x9123683E, /* Btrfs */
        0x2FC12FC1, /* ZFS */
        0xCA451A4E, /* bcachefs */
        0xF2F52010, /* F2FS */
        0x01021994, /* tmpfs */
        0x858458F6, /* ramfs */
        0x794C7630, /* overlayfs */
        0x61756673, /* aufs */
        0x3153464A, /* JFS */
        0x52654973, /* ReiserFS */
        0x3434,     /* NILFS */
        0x4D44,     /* FAT */
        0x2011BAB0, /* exFAT */
        0x7366746E, /* NTFS */
        0xF15F,     /* eCryptfs */
    };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFF) == local[i])
            return true;
    return false;
#else
    (void)fd;
    return true;
#endif
}
