#include "core/bench/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

#define DEPTH_MAX 128
#define IGNORE_MAX_BYTES (1024 * 1024)
#define CHUNK_BYTES (1024 * 1024)

/* ------------------------------------------------------------ what is left out */

struct ignored_name {
    char *name;
    bool anywhere; /* else in the context's root only */
};

struct ignored {
    struct ignored_name *items;
    size_t len;
};

static void ignored_done(struct ignored *ignored)
{
    for (size_t i = 0; i < ignored->len; i++)
        free(ignored->items[i].name);
    free(ignored->items);
    *ignored = (struct ignored){0};
}

/* One line; false when nothing is sure any more: an exception. */
static bool read_pattern(struct ignored *ignored, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r' || line[len - 1] == '\t'))
        len--;
    if (len > 0 && line[0] == '!')
        return false;
    if (len == 0 || line[0] == '#')
        return true;
    char *text = mem_strndup(line, len), *name = text;
    bool anywhere = strncmp(name, "**/", 3) == 0;
    name += anywhere ? 3 : strspn(name, "/");
    size_t end = strlen(name);
    if (end > 3 && strcmp(name + end - 3, "/**") == 0)
        end -= 3;
    while (end > 0 && name[end - 1] == '/')
        end--;
    name[end] = '\0';
    if (fs_is_name(name) && strpbrk(name, "*?[\\") == NULL) {
        ignored->items = mem_realloc(ignored->items, (ignored->len + 1) * sizeof *ignored->items);
        ignored->items[ignored->len++] = (struct ignored_name){mem_strdup(name), anywhere};
    }
    free(text);
    return true;
}

static void read_patterns(struct ignored *ignored, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (!read_pattern(ignored, text, len)) {
            ignored_done(ignored);
            return;
        }
        text += len;
        text += *text == '\n';
    }
}

static int read_ignore(const char *before, const char *name, struct buf *text)
{
    char *path = mem_printf("%s%s", before, name);
    int code = fs_read_path(path, IGNORE_MAX_BYTES, text, NULL);
    free(path);
    return code;
}

static struct ignored read_ignored(const char *context, const char *dockerfile)
{
    struct ignored ignored = {0};
    struct buf text = {0};
    if ((dockerfile != NULL && read_ignore(dockerfile, ".dockerignore", &text) == 0) ||
        read_ignore(context, "/.dockerignore", &text) == 0)
        read_patterns(&ignored, text.data != NULL ? text.data : "");
    buf_done(&text);
    return ignored;
}

static bool is_ignored(const struct ignored *ignored, const char *name, bool in_root)
{
    for (size_t i = 0; i < ignored->len; i++)
        if ((in_root || ignored->items[i].anywhere) && strcmp(ignored->items[i].name, name) == 0)
            return true;
    return false;
}

/* -------------------------------------------------------------------- walking */

struct walk {
    const struct ignored *ignored;
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

static int enter(struct level *above, const char *name, const char *path);

static int visit(void *arg, const char *name, enum fs_type type)
{
    struct level *level = arg;
    struct walk *walk = level->walk;
    struct fs_stat stat;
    (void)type;
    int code = fs_stat_at(level->fd, name, &stat, walk->err);
    if (code == -ENOENT)
        return 0; /* it has just gone */
    if (code < 0)
        return code;
    if (stat.type == FS_DIR && is_ignored(walk->ignored, name, level->depth == 0))
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

static int enter(struct level *above, const char *name, const char *path)
{
    struct walk *walk = above->walk;
    struct level level = {.walk = walk, .path = path, .depth = above->depth + 1};
    if (level.depth > DEPTH_MAX)
        return err_set(walk->err, ERR_LIMIT, "%s lies too deep", path);
    int code = fs_open_dir(above->fd, name, &level.fd, walk->err);
    if (code < 0)
        return code;
    code = fs_each(level.fd, visit, &level, walk->err);
    close(level.fd);
    return code;
}

int context_walk(const char *context, const char *dockerfile, context_cb *cb, void *arg,
                 struct err *err)
{
    struct ignored ignored = read_ignored(context, dockerfile);
    struct walk walk = {.ignored = &ignored, .cb = cb, .arg = arg, .err = err};
    struct level root = {.walk = &walk, .path = ""};
    int code = fs_open_root(context, &root.fd, err);
    if (code == 0) {
        code = fs_each(root.fd, visit, &root, err);
        close(root.fd);
    }
    ignored_done(&ignored);
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
    if (code < 0)
        return code;
    *ret_bytes = measure.bytes;
    *ret_files = measure.files;
    return 0;
}

/* -------------------------------------------------------------------- copying */

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

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, data, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        data += done;
        len -= (size_t)done;
    }
    return 0;
}

static int copy_data(struct copy *copy, int from, int to)
{
    for (;;) {
        ssize_t len = read(from, copy->chunk, CHUNK_BYTES);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return -errno;
        int code = len == 0 ? 0 : write_all(to, copy->chunk, (size_t)len);
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
