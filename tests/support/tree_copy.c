#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/tempdir.h"

static _Noreturn void give_up(const char *path)
{
    printf("Bail out! copying %s: %s\n", path, strerror(errno));
    exit(99);
}

static void copy_file(const char *from, const char *to)
{
    size_t len;
    char *data = file_read("", from, &len);
    file_write("", to, data, len);
    free(data);
}

static void copy_link(const char *from, const char *to)
{
    char target[PATH_MAX];
    ssize_t len = readlink(from, target, sizeof target - 1);
    if (len < 0)
        give_up(from);
    target[len] = '\0';
    if (symlink(target, to) < 0)
        give_up(to);
}

static void copy_entry(const char *from, const char *to);

static void copy_dir(const char *from, const char *to)
{
    DIR *dir = opendir(from);
    if (dir == NULL || mkdir(to, 0755) < 0)
        give_up(to);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *below = path_join(from, entry->d_name), *there = path_join(to, entry->d_name);
        copy_entry(below, there);
        free(below);
        free(there);
    }
    closedir(dir);
}

static void copy_entry(const char *from, const char *to)
{
    struct stat st;
    if (lstat(from, &st) < 0)
        give_up(from);
    if (S_ISDIR(st.st_mode))
        copy_dir(from, to);
    else if (S_ISLNK(st.st_mode))
        copy_link(from, to);
    else if (S_ISREG(st.st_mode))
        copy_file(from, to);
    else
        return;
    if (!S_ISLNK(st.st_mode))
        chmod(to, (st.st_mode & 07777) | (S_ISDIR(st.st_mode) ? 0700 : 0));
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW);
}

void tree_copy(const char *from, const char *dir, const char *name)
{
    char *to = path_join(dir, name);
    copy_entry(from, to);
    free(to);
}
