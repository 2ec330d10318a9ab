/* The file system that things are on. */
#include "core/base/fs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include "core/base/mem.h"
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
