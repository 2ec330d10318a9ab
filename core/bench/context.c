#include "core/bench/context.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/bench/ignored.h"

#define DEPTH_MAX 128

struct walk {
    const struct ignored *ignored;
    context_cb *cb;
    void *arg;
    size_t files;
    struct err *err;
};

struct threshold {
    struct walk *walk;
    int fd;
    const char *path; /* "" for the root */
    int depth;
};

static int enter(struct threshold *above, const char *name, const char *path);

static int visit(void *arg, const char *name, enum fs_type type)
{
    struct threshold *level = arg;
    struct walk *walk = level->walk;
    struct fs_stat stat;
    (void)type;
    int code = fs_stat_at(level->fd, name, &stat, walk->err);
    if (code == -ENOENT)
        return 0; /* it has just gone */
    if (code < 0)
        return code;
    if (stat.type == FS_DIR && ignored_has(walk->ignored, name, level->depth == 0))
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

static int enter(struct threshold *above, const char *name, const char *path)
{
    struct walk *walk = above->walk;
    struct threshold level = {.walk = walk, .path = path, .depth = above->depth + 1};
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
    struct ignored ignored = ignored_read(context, dockerfile);
    struct walk walk = {.ignored = &ignored, .cb = cb, .arg = arg, .err = err};
    struct threshold root = {.walk = &walk, .path = ""};
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
