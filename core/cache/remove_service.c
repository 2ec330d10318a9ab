#include "core/cache/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/fs.h"
#include "core/cache/aside.h"
#include "core/cache/keep.h"
#include "core/cache/layout.h"
#include "core/cache/remove_check.h"
#include "core/cache/scan.h"
#include "core/cache/unlink.h"

#define MAX_DEPTH 256

/* Removes directories only: what has come into them meanwhile stays. */
static int remove_empty(int dirfd, const char *name, int depth, int64_t *freed_bytes);

struct emptying {
    int fd;
    int depth;
    int64_t *freed_bytes;
};

static int remove_below(void *arg, const char *name, enum fs_type type)
{
    struct emptying *emptying = arg;
    (void)type;
    return remove_empty(emptying->fd, name, emptying->depth + 1, emptying->freed_bytes);
}

static int remove_empty(int dirfd, const char *name, int depth, int64_t *freed_bytes)
{
    struct emptying emptying = {.depth = depth, .freed_bytes = freed_bytes};
    struct fs_stat stat;
    int code = depth > MAX_DEPTH ? -ELOOP : fs_open_dir(dirfd, name, &emptying.fd, NULL);
    if (code < 0)
        return code;
    code = fs_stat_fd(emptying.fd, &stat, NULL);
    if (code == 0)
        code = fs_each(emptying.fd, remove_below, &emptying, NULL);
    close(emptying.fd);
    if (code == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
        code = -errno;
    if (code == 0)
        *freed_bytes += stat.allocated_bytes;
    return code;
}

/* No reader misses a directory without a file in it. */
static int remove_if_empty(const struct remove_context *context, int64_t *freed_bytes,
                           struct err *err)
{
    struct cache *now = scan_cache(context->root_fd, context->root_path, context->name, NULL);
    bool empty = now->state == CACHE_EMPTY && now->ino == context->ino;
    cache_free(now);
    if (!empty)
        return err_set(err, ERR_FOREIGN, "%s is no cache directory", context->name);
    int code = remove_empty(context->root_fd, context->name, 0, freed_bytes);
    return code < 0 ? err_sys(err, code, "removing %s", context->name) : 0;
}

static int check(const struct remove_context *context, int cache_fd, struct err *err)
{
    int code = remove_check_foreign(cache_fd, context->name, err);
    if (code == 0)
        code = keep_check_cache(cache_fd, err);
    if (code == 0)
        code = remove_check_busy(context, cache_fd, err);
    if (code == 0 && context->cancel != NULL && atomic_load(context->cancel))
        code = err_set(err, ERR_CANCELLED, "stopped");
    return code;
}

/* Gives the directory a name that no reader looks for. Nothing can stand at
 * that name but by chance or ill will; an empty directory does no harm there. */
static int rename_aside(const struct remove_context *context, int cache_fd, char *ret_name,
                        size_t size, struct err *err)
{
    unsigned char random[8];
    struct fs_stat moved, wanted;
    int code = uv_random(NULL, NULL, random, sizeof random, 0, NULL);
    if (code < 0)
        return err_sys(err, code, "removing %s", context->name);
    int len = snprintf(ret_name, size, CACHE_GONE "%.200s.", context->name);
    for (size_t i = 0; i < sizeof random; i++)
        len += snprintf(ret_name + len, size - (size_t)len, "%02x", random[i]);
    if (renameat(context->root_fd, context->name, context->root_fd, ret_name) < 0)
        return err_sys(err, -errno, "removing %s", context->name);
    code = fs_stat_at(context->root_fd, ret_name, &moved, err);
    if (code == 0)
        code = fs_stat_fd(cache_fd, &wanted, err);
    if (code == 0 && moved.ino != wanted.ino) {
        renameat(context->root_fd, ret_name, context->root_fd, context->name);
        code = err_set(err, ERR_CHANGED, "%s was replaced just now", context->name);
    }
    return code;
}

/* A build may have begun between the first look and the rename: then the
 * directory goes back, unless the build has made itself a new one already. */
static int look_again(const struct remove_context *context, int cache_fd, const char *gone,
                      struct err *err)
{
    int code = remove_check_busy(context, cache_fd, err);
    struct stat st;
    if (code == 0 || fstatat(context->root_fd, context->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return renameat(context->root_fd, gone, context->root_fd, context->name) == 0 ? code : 0;
}

static int remove_layout(const struct remove_context *context, int cache_fd, int64_t *freed_bytes,
                         struct err *err)
{
    char gone[256];
    int code = check(context, cache_fd, err);
    if (code == 0)
        code = rename_aside(context, cache_fd, gone, sizeof gone, err);
    if (code == 0)
        code = look_again(context, cache_fd, gone, err);
    if (code == 0)
        code = unlink_tree(context->root_fd, gone, context->on_progress, context->arg, freed_bytes,
                           err);
    return code;
}

int remove_service(const struct remove_context *context, int64_t *ret_freed_bytes,
                   struct err *err)
{
    struct aside aside;
    int64_t freed = 0;
    int code = aside_open(context->root_fd, context->name, context->dev, context->ino, &aside, err);
    if (code < 0)
        return code;
    if (cache_has_layout(aside.cache_fd))
        code = remove_layout(context, aside.cache_fd, &freed, err);
    else
        code = remove_if_empty(context, &freed, err);
    /* One without a file says nothing of what it is. */
    if (code == ERR_FOREIGN && remove_if_empty(context, &freed, NULL) == 0)
        code = 0;
    aside_close(&aside);
    *ret_freed_bytes = freed;
    return code;
}
