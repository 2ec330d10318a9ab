/* Trees that go. */
#include "core/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Trees nested deeper than this are not walked: each level holds a file
 * descriptor. */
#define MAX_DEPTH 256

struct removal {
    int dirfd;
    int depth;
    int code; /* of the first thing that went wrong */
    int64_t freed_bytes;
    struct err *err;
};

static void remember(struct removal *removal, int code, const char *name, struct err *reason)
{
    if (removal->code != 0)
        return;
    removal->code = code;
    if (reason != NULL)
        err_set(removal->err, code, "%s", reason->text);
    else
        err_sys(removal->err, code, "removing %s", name);
}

static int remove_entry(void *arg, const char *name, enum fs_type type);

static void remove_dir(struct removal *above, const char *name, const struct fs_stat *stat)
{
    struct err reason;
    struct removal removal = {.depth = above->depth + 1, .err = above->err, .code = above->code};
    if (removal.depth > MAX_DEPTH) {
        remember(above, -ELOOP, name, NULL);
        return;
    }
    int code = fs_open_dir(above->dirfd, name, &removal.dirfd, &reason);
    if (code < 0) {
        remember(above, code, name, &reason);
        return;
    }
    code = fs_each(removal.dirfd, remove_entry, &removal, &reason);
    if (code < 0)
        remember(&removal, code, name, &reason);
    close(removal.dirfd);
    above->freed_bytes += removal.freed_bytes;
    above->code = removal.code;
    if (unlinkat(above->dirfd, name, AT_REMOVEDIR) == 0)
        above->freed_bytes += stat->allocated_bytes;
    else
        remember(above, -errno, name, NULL);
}

static int remove_entry(void *arg, const char *name, enum fs_type type)
{
    struct removal *removal = arg;
    struct fs_stat stat;
    struct err reason;
    (void)type;
    int code = fs_stat_at(removal->dirfd, name, &stat, &reason);
    if (code < 0) {
        if (code != -ENOENT)
            remember(removal, code, name, &reason);
        return 0;
    }
    if (stat.type == FS_DIR) {
        remove_dir(removal, name, &stat);
        return 0;
    }
    if (unlinkat(removal->dirfd, name, 0) < 0) {
        if (errno != ENOENT)
            remember(removal, -errno, name, NULL);
        return 0;
    }
    if (stat.nlink == 1)
        removal->freed_bytes += stat.allocated_bytes;
    return 0;
}

int fs_remove_tree(int dirfd, const char *name, int64_t *freed_bytes, struct err *err)
{
    struct removal removal = {.dirfd = dirfd, .err = err};
    if (!fs_is_name(name))
        return err_sys(err, -EINVAL, "removing %s", name);
    remove_entry(&removal, name, FS_OTHER);
    if (freed_bytes != NULL)
        *freed_bytes += removal.freed_bytes;
    return removal.code;
}
