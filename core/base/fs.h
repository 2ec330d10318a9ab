/* File work relative to an open directory. Names come from a world-writable
 * place and are hostile: no function here follows a symlink, leaves the
 * directory (no "/" or ".." in a name), or crosses a mount point, be it of
 * another file system or a bind mount of the same one. Nothing blocks on a fifo
 * or a device: such files are never opened.
 *
 * All of core opens directories here and nowhere else, so that this is true of
 * all of it (tests/cli/entering.sh looks). */
#ifndef BILGE_BASE_FS_H
#define BILGE_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/mem.h"

enum fs_type { FS_OTHER, FS_FILE, FS_DIR, FS_SYMLINK };

struct fs_stat {
    enum fs_type type;
    uint64_t dev;
    uint64_t ino;
    uint32_t nlink;
    uint32_t uid, gid;
    uint32_t mode;           /* permission bits */
    int64_t size_bytes;      /* apparent size */
    int64_t allocated_bytes; /* st_blocks * 512: what it takes on disk */
    int64_t modified_at;     /* ns since 1970 */
    bool mount_root;         /* something is mounted here, if the kernel tells (Linux 5.8) */
};

/* Of stat(2)'s st_mode, and of readdir(3)'s d_type: FS_OTHER also when the file
 * system does not tell. */
enum fs_type fs_type_of_mode(mode_t mode);
enum fs_type fs_type_of_entry(unsigned char d_type);

/* A single path component: not empty, not "." or "..", without '/'. */
bool fs_is_name(const char *name);

/* Opens a directory by a path that the user gave (symlinks in it are
 * followed: it is the user's own word). *ret_fd is the caller's to close. */
int fs_open_root(const char *path, int *ret_fd, struct err *err);

/* Opens directory `name` below `dirfd` for reading entries and as an anchor.
 * -ELOOP for a symlink, -ENOTDIR for other files, -EXDEV for a mount point,
 * -EOPNOTSUPP when an old kernel without /proc can't tell whether it is one. */
int fs_open_dir(int dirfd, const char *name, int *ret_fd, struct err *err);
/* The same, and makes the directory (mode 0755) when it is not there. What root makes
 * belongs to the owner of the directory above. *ret_fd is -1 on an error. */
int fs_make_dir(int dirfd, const char *name, int *ret_fd, struct err *err);

/* The same in fewer system calls: `dev` is dirfd's, *ret_stat describes what was
 * opened. 0 or a negative errno code. */
int fs_enter(int dirfd, uint64_t dev, const char *name, int *ret_fd, struct fs_stat *ret_stat);

/* Opens the directory that `fd` lies in. It must be the one that was left when fd
 * was entered: ERR_CHANGED when fd has been moved elsewhere since. */
int fs_leave(int fd, uint64_t dev, uint64_t ino, int *ret_fd);

/* The open directory once more, with an offset of its own. */
int fs_open_again(int dirfd, int *ret_fd);

/* Does not follow a symlink: describes the link itself. */
int fs_stat_at(int dirfd, const char *name, struct fs_stat *ret_stat, struct err *err);
int fs_stat_fd(int fd, struct fs_stat *ret_stat, struct err *err);
/* Both without words, for many names in a row: "" is dirfd itself. The name comes
 * from the directory. 0 or a negative errno code. */
int fs_look(int dirfd, const char *name, struct fs_stat *ret_stat);

/* What is mounted somewhere below an open directory: the path from there, NULL
 * when nothing is, or when the system does not tell. The caller frees it. */
char *fs_find_mount(int dirfd);

/* Is it surely a file system of this machine alone? Only then does a watch tell of
 * every change, does looking wait for no other machine or program, and is whoever
 * writes there one of this machine's processes. */
bool fs_is_local(int fd);

/* Opens a regular file for reading; ERR_FOREIGN when it is none. What the name
 * stands for is looked at before and after, since opening a fifo or a device
 * can itself do harm. *ret_fd is the caller's to close. */
int fs_open_file(int dirfd, const char *name, struct fs_stat *ret_stat, int *ret_fd,
                 struct err *err);

/* Appends the whole regular file to buf. ERR_LIMIT when it is larger than
 * max bytes, ERR_FOREIGN when it is no regular file. */
int fs_read_file(int dirfd, const char *name, size_t max, struct buf *buf, struct err *err);

/* The same of a file that the user named by a path (symlinks on the way to it
 * are followed, it itself is none). */
int fs_read_path(const char *path, size_t max, struct buf *buf, struct err *err);

/* All of it, however often write(2) stops short: 0, or a negative errno. */
int fs_write_all(int fd, const void *data, size_t len);

/* Writes a file whole: to a temporary name beside it (O_EXCL), fsync, rename.
 * On failure nothing of it stays; a kill leaves ".<name>.bilge-<pid>", on which
 * then nobody holds a flock. */
int fs_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                  struct err *err);

/* The same by a path; its directory is there. */
int fs_write_path(const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/* As fs_write_file(), the file belonging to this user and group: what root replaces for
 * a user must stay the user's. */
int fs_write_file_as(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                     uid_t uid, gid_t gid, struct err *err);

/* Renames, within a file system; what stands at the new name is never replaced:
 * -EEXIST. 0 or a negative errno code. */
int fs_move(int from_fd, const char *from, int to_fd, const char *to);
/* The first half of that: the file lies ready under a temporary name beside `name`.
 * To rename or to remove it is the caller's. */
#define FS_TEMPORARY_SIZE 288
int fs_prepare_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                    uid_t uid, gid_t gid, char ret_temporary[FS_TEMPORARY_SIZE], struct err *err);

/* Calls cb for each entry but "." and ".."; type is FS_OTHER when the file
 * system does not tell (then stat it). cb returns 0 to go on, else the walk
 * ends and returns that value. The fd's offset is moved; it is rewound first. */
typedef int fs_entry_cb(void *arg, const char *name, enum fs_type type);
int fs_each(int dirfd, fs_entry_cb *cb, void *arg, struct err *err);
/* The same of a directory by its path, as fs_open_root() takes it. */
int fs_each_path(const char *path, fs_entry_cb *cb, void *arg, struct err *err);

/* The file system under an open file: sizes in bytes; free is what an
 * unprivileged user may take. */
struct fs_space {
    int64_t total_bytes;
    int64_t free_bytes;
    bool in_memory; /* tmpfs or ramfs */
    bool read_only;
};
int fs_space(int fd, struct fs_space *ret_space, struct err *err);

/* The topmost directory above an existing path that is on its file system:
 * where that is mounted. By the device numbers of the directories, so of a
 * directory that is mounted from elsewhere on the same file system it is the
 * place of the whole. NULL: the path can't be followed. The caller frees it. */
char *fs_mount_point(const char *path);

#endif
