/* The file system that things are on. */
#include "core/base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include "core/base/path.h"

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
