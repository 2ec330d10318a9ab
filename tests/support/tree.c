#include "tests/support/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/support/tempdir.h"

static _Noreturn void give_up(const char *path)
{
    printf("Bail out! %s: %s\n", path, strerror(errno));
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

typedef void tree_visit(void *arg, const char *path, const char *name, const struct stat *st);

/* Names in their order, directories before what is in them. `name` is the
 * path below where it began. */
static void walk(const char *path, const char *name, tree_visit *visit, void *arg)
{
    struct dirent **entries;
    int len = scandir(path, &entries, NULL, alphasort);
    if (len < 0)
        give_up(path);
    for (int i = 0; i < len; i++) {
        const char *entry = entries[i]->d_name;
        struct stat st;
        if (strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0) {
            char *below = path_join(path, entry);
            char *shown = name[0] != '\0' ? path_join(name, entry) : mem_strdup(entry);
            if (lstat(below, &st) < 0)
                give_up(below);
            visit(arg, below, shown, &st);
            if (S_ISDIR(st.st_mode))
                walk(below, shown, visit, arg);
            free(below);
            free(shown);
        }
        free(entries[i]);
    }
    free(entries);
}

static void list_entry(void *arg, const char *path, const char *name, const struct stat *st)
{
    (void)path;
    buf_printf(arg, "%s %o %lld %llu %lld.%09ld\n", name, st->st_mode, (long long)st->st_size,
               (unsigned long long)st->st_ino, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

char *tree_list(const char *dir)
{
    struct buf list = {0};
    walk(dir, "", list_entry, &list);
    return buf_take(&list);
}

static void age_entry(void *arg, const char *path, const char *name, const struct stat *st)
{
    const char *slash = strrchr(name, '/');
    bool index = strcmp(slash != NULL ? slash + 1 : name, "index.json") == 0;
    struct timespec when = {.tv_sec = time(NULL) - *(const int64_t *)arg + index};
    const struct timespec times[2] = {when, when};
    if (S_ISREG(st->st_mode) && utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
        give_up(path);
}

void tree_make_older(const char *dir, const char *name, int64_t seconds)
{
    char *path = path_join(dir, name);
    walk(path, "", age_entry, &seconds);
    free(path);
}
