#include "bench/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/strlist.h"

#define DEPTH_MAX 128
#define IGNORE_MAX_BYTES (1024 * 1024)
#define CHUNK_BYTES (1024 * 1024)

/* ----------------------------------------------------------- .dockerignore */

/* Names of directories that are left out. */
struct ignored {
    struct strlist anywhere, in_root;
};

static void ignored_done(struct ignored *ignored)
{
    strlist_done(&ignored->anywhere);
    strlist_done(&ignored->in_root);
}

static void add_pattern(struct ignored *ignored, char *pattern)
{
    bool anywhere = strncmp(pattern, "**/", 3) == 0;
    char *name = pattern + (anywhere ? 3 : strspn(pattern, "/"));
    size_t len = strlen(name);
    while (len > 0 && strchr(" \t\r", name[len - 1]) != NULL)
        len--;
    if (len > 3 && strncmp(name + len - 3, "/**", 3) == 0)
        len -= 3;
    while (len > 0 && name[len - 1] == '/')
        len--;
    name[len] = '\0';
    if (name[0] != '#' && fs_is_name(name) && strpbrk(name, "*?[\\") == NULL)
        strlist_add(anywhere ? &ignored->anywhere : &ignored->in_root, name);
}

static int read_ignore(const char *before, const char *name, struct buf *text)
{
    char *path = mem_printf("%s%s", before, name);
    int code = fs_read_path(path, IGNORE_MAX_BYTES, text, NULL);
    free(path);
    return code;
}

static struct ignored ignored_read(const char *context, const char *dockerfile)
{
    struct ignored ignored = {0};
    struct buf text = {0};
    if (dockerfile == NULL || read_ignore(dockerfile, ".dockerignore", &text) < 0)
        read_ignore(context, "/.dockerignore", &text);
    char *rest = text.data;
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL;) {
        if (line[0] == '!') {
            ignored_done(&ignored);
            break;
        }
        add_pattern(&ignored, line);
    }
    buf_done(&text);
    return ignored;
}

/* ---------------------------------------------------------------- the walk */

struct walk {
    struct ignored ignored;
    context_cb *cb;
    void *arg;
    size_t files;
    struct err *err;
};

struct level {
    struct walk *walk;
    int fd;
    const char *path; /* "" for the root */
    int depth;
};

static int enter(const struct level *above, const char *name, const char *path);

static int visit(void *arg, const char *name, enum fs_type type)
{
    const struct level *level = arg;
    struct walk *walk = level->walk;
    struct fs_stat stat;
    (void)type;
    int code = fs_stat_at(level->fd, name, &stat, walk->err);
    if (code == -ENOENT)
        return 0; /* it has just gone */
    if (code < 0)
        return code;
    if (stat.type == FS_DIR && (strlist_has(&walk->ignored.anywhere, name) ||
                                (level->depth == 0 && strlist_has(&walk->ignored.in_root, name))))
        return 0;
    if (++walk->files > CONTEXT_FILES_MAX)
        return err_set(walk->err, ERR_LIMIT, "the build context has more than %d files",
                       CONTEXT_FILES_MAX);
    char *path = mem_printf("%s%s%s", level->path, level->path[0] != '\0' ? "/" : "", name);
    code = walk->cb(walk->arg, level->fd, name, path, &stat, walk->err);
    if (code == 0 && stat.type == FS_DIR)
        code = enter(level, name, path);
    free(path);
    return code;
}

static int enter(const struct level *above, const char *name, const char *path)
{
    struct level level = {.walk = above->walk, .path = path, .depth = above->depth + 1};
    if (level.depth > DEPTH_MAX)
        return err_set(above->walk->err, ERR_LIMIT, "%s lies too deep", path);
    int code = fs_open_dir(above->fd, name, &level.fd, above->walk->err);
    if (code < 0)
        return code;
    code = fs_each(level.fd, visit, &level, above->walk->err);
    close(level.fd);
    return code;
}

int context_walk(const char *context, const char *dockerfile, context_cb *cb, void *arg,
                 struct err *err)
{
    struct walk walk = {ignored_read(context, dockerfile), cb, arg, 0, err};
    struct level root = {.walk = &walk, .path = ""};
    int code = fs_open_root(context, &root.fd, err);
    if (code == 0) {
        code = fs_each(root.fd, visit, &root, err);
        close(root.fd);
    }
    ignored_done(&walk.ignored);
    return code;
}

struct measure {
    int64_t bytes;
    size_t files;
};

static int measure_entry(void *arg, int dirfd, const char *name, const char *path,
                         const struct fs_stat *stat, struct err *err)
{
    struct measure *measure = arg;
    (void)dirfd, (void)name, (void)path, (void)err;
    measure->bytes += stat->allocated_bytes;
    measure->files += stat->type != FS_DIR;
    return 0;
}

int context_measure(const char *context, const char *dockerfile, int64_t *ret_bytes,
                    size_t *ret_files, struct err *err)
{
    struct measure measure = {0};
    int code = context_walk(context, dockerfile, measure_entry, &measure, err);
    *ret_bytes = measure.bytes;
    *ret_files = measure.files;
    return code;
}

/* ---------------------------------------------------------------- the copy */

struct copy {
    int to_fd;
    bool (*is_over)(void *arg);
    void *arg;
    char *chunk;
};

static int copy_data(const struct copy *copy, int from, int to)
{
    for (;;) {
        ssize_t len = read(from, copy->chunk, CHUNK_BYTES);
        if (len < 0 && errno != EINTR)
            return -errno;
        int code = len > 0 ? fs_write_all(to, copy->chunk, (size_t)len) : 0;
        if (len == 0 || code < 0)
            return code;
        if (copy->is_over(copy->arg))
            return ERR_CANCELLED;
    }
}

static int copy_file(const struct copy *copy, int dirfd, const char *name, const char *path,
                     struct err *err)
{
    struct fs_stat stat;
    int from;
    int code = fs_open_file(dirfd, name, &stat, &from, err);
    if (code < 0)
        return code;
    int to = openat(copy->to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    code = to < 0 ? -errno : copy_data(copy, from, to);
    if (code == 0) {
        const struct timespec times[2] = {
            {.tv_nsec = UTIME_OMIT},
            {(time_t)(stat.modified_at / 1000000000), (long)(stat.modified_at % 1000000000)},
        };
        futimens(to, times); /* without it the copy is newer, no more */
        code = fchmod(to, stat.mode) < 0 ? -errno : 0;
    }
    if (to >= 0 && close(to) < 0 && code == 0)
        code = -errno;
    close(from);
    return code < 0 ? err_sys(err, code, "copying %s", path) : 0;
}

static int copy_link(const struct copy *copy, int dirfd, const char *name, const char *path)
{
    char target[4096];
    ssize_t len = readlinkat(dirfd, name, target, sizeof target - 1);
    target[len > 0 ? len : 0] = '\0';
    return len < 0 || symlinkat(target, copy->to_fd, path) < 0 ? -errno : 0;
}

/* We must be able to fill it, and to remove what is in it again. */
static int copy_directory(const struct copy *copy, const char *path, mode_t mode)
{
    bool made = mkdirat(copy->to_fd, path, 0700) == 0;
    return !made || fchmodat(copy->to_fd, path, mode | 0700, 0) < 0 ? -errno : 0;
}

static int copy_entry(void *arg, int dirfd, const char *name, const char *path,
                      const struct fs_stat *stat, struct err *err)
{
    const struct copy *copy = arg;
    int code = 0;
    if (copy->is_over(copy->arg))
        return err_set(err, ERR_CANCELLED, "interrupted");
    if (stat->type == FS_FILE)
        return copy_file(copy, dirfd, name, path, err);
    if (stat->type == FS_DIR)
        code = copy_directory(copy, path, stat->mode);
    else if (stat->type == FS_SYMLINK)
        code = copy_link(copy, dirfd, name, path);
    return code < 0 ? err_sys(err, code, "copying %s", path) : 0;
}

int context_copy(const char *context, const char *dockerfile, const char *to,
                 bool (*is_over)(void *arg), void *arg, struct err *err)
{
    struct copy copy = {.is_over = is_over, .arg = arg};
    if (mkdir(to, 0700) < 0)
        return err_sys(err, -errno, "making %s", to);
    int code = fs_open_root(to, &copy.to_fd, err);
    if (code < 0)
        return code;
    copy.chunk = mem_alloc(CHUNK_BYTES);
    code = context_walk(context, dockerfile, copy_entry, &copy, err);
    free(copy.chunk);
    close(copy.to_fd);
    return code;
}
