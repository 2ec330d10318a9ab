#include "tests/support/tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

static _Noreturn void give_up(const char *what, const char *path)
{
    printf("Bail out! %s %s: %s\n", what, path, strerror(errno));
    exit(99);
}

char *tempdir_new(void)
{
    const char *parent = getenv("TMPDIR");
    char *pattern =
        path_join(parent != NULL && parent[0] == '/' ? parent : "/tmp", "bilge-test-XXXXXX");
    if (mkdtemp(pattern) == NULL)
        give_up("making", pattern);
    char *path = realpath(pattern, NULL); /* macOS: /tmp is a symlink */
    if (path == NULL)
        give_up("resolving", pattern);
    free(pattern);
    return path;
}

static int allow_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (type == FTW_D || type == FTW_DNR)
        chmod(path, 0700);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

void tempdir_free(char *path)
{
    nftw(path, allow_entry, 32, FTW_PHYS | FTW_MOUNT);
    nftw(path, remove_entry, 32, FTW_PHYS | FTW_MOUNT | FTW_DEPTH);
    if (access(path, F_OK) == 0)
        give_up("removing", path);
    free(path);
}

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            give_up("making", path);
        *slash = '/';
    }
}

void dir_make(const char *dir, const char *name)
{
    char *path = mem_printf("%s/%s/", dir, name);
    make_parents(path);
    free(path);
}

void file_write(const char *dir, const char *name, const void *data, size_t len)
{
    char *path = path_join(dir, name);
    make_parents(path);
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0)
        give_up("writing", path);
    free(path);
}

void file_write_text(const char *dir, const char *name, const char *text)
{
    file_write(dir, name, text, strlen(text));
}

char *file_read(const char *dir, const char *name, size_t *ret_len)
{
    char *path = path_join(dir, name), piece[8192];
    struct buf buf = {0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        give_up("reading", path);
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
        buf_append(&buf, piece, got);
    if (ferror(file))
        give_up("reading", path);
    fclose(file);
    free(path);
    if (ret_len != NULL)
        *ret_len = buf.len;
    return buf_take(&buf);
}

char *data_read(const char *name, size_t *ret_len)
{
    return file_read(getenv("BILGE_TEST_DATA"), name, ret_len);
}

bool file_exists(const char *dir, const char *name)
{
    struct stat st;
    char *path = path_join(dir, name);
    bool there = lstat(path, &st) == 0;
    free(path);
    return there;
}
