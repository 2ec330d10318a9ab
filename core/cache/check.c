#include "core/cache/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/text.h"
#include "core/cache/aside.h"
#include "core/cache/busy.h"
#include "core/oci/layout.h"

int check_busy(const struct remove_context *context, int cache_fd, struct err *err)
{
    if (context->now)
        return 0;
    if (context->build_sign != NULL)
        return err_set(err, ERR_BUSY, "%s", context->build_sign);
    char *sign = busy_file_signs(cache_fd, clock_now());
    if (sign == NULL)
        sign = busy_building_client(context->own_sessions);
    if (sign == NULL)
        return 0;
    err_set(err, ERR_BUSY, "%s", sign);
    free(sign);
    return ERR_BUSY;
}

int remove_check_layout(const struct remove_context *context, int cache_fd, struct err *err)
{
    int found = cache_find_layout(cache_fd);
    if (found == 0)
        return err_set(err, ERR_FOREIGN, "%s is no cache directory", context->name);
    return found < 0 ? err_sys(err, found, "looking at %s", context->name) : 0;
}

static bool is_part(const char *name)
{
    static const char *const parts[] = {"oci-layout", "index.json", "blobs", "ingest"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(name, parts[i]) == 0)
            return true;
    const char *beside = CACHE_ASIDE ".";
    if (strncmp(name, beside, strlen(beside)) == 0)
        return aside_is_ours(name + strlen(beside));
    return cache_is_temporary(name) || cache_is_aside(name);
}

static int find_foreign(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    if (is_part(name))
        return 0;
    text_clean(arg, name, strlen(name));
    return 1;
}

/* Blobs of another algorithm are none that a cache has. */
static int find_algorithm(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    if (strcmp(name, "sha256") == 0)
        return 0;
    buf_append_str(arg, "blobs/");
    text_clean(arg, name, strlen(name));
    return 1;
}

/* What bilge has set aside goes with the rest; what others have put there stays. */
static int find_stranger(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    if (aside_is_ours(name))
        return 0;
    buf_append_str(arg, CACHE_ASIDE "/");
    text_clean(arg, name, strlen(name));
    return 1;
}

static int look_into_aside(int cache_fd, struct buf *found, struct err *err)
{
    int fd, code = fs_open_dir(cache_fd, CACHE_ASIDE, &fd, err);
    if (code == -ENOTDIR || code == -ELOOP) { /* bilge makes a directory */
        buf_append_str(found, CACHE_ASIDE);
        return 1;
    }
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = fs_each(fd, find_stranger, found, err);
    close(fd);
    return code;
}

static int look_into_blobs(int cache_fd, struct buf *found, struct err *err)
{
    int blobs_fd, code = fs_open_dir(cache_fd, "blobs", &blobs_fd, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = fs_each(blobs_fd, find_algorithm, found, err);
    close(blobs_fd);
    return code;
}

/* An export that came to its end since then leaves no other sign. */
int check_export(const struct remove_context *context, int cache_fd, struct err *err)
{
    struct fs_stat index = {0};
    if (context->exported_at == NULL)
        return 0;
    int code = fs_stat_at(cache_fd, "index.json", &index, err);
    if (code < 0 && code != -ENOENT)
        return code;
    if (index.modified_at == *context->exported_at)
        return 0;
    return err_set(err, ERR_CHANGED, "%s was exported to since the plan was made", context->name);
}

int check_foreign(int cache_fd, const char *name, struct err *err)
{
    struct buf found = {0};
    int code = fs_each(cache_fd, find_foreign, &found, err);
    if (code == 0)
        code = look_into_blobs(cache_fd, &found, err);
    if (code == 0)
        code = look_into_aside(cache_fd, &found, err);
    if (code > 0)
        code =
            err_set(err, ERR_FOREIGN, "%s holds %s, which is no part of a cache", name, found.data);
    buf_done(&found);
    char *mount = code == 0 ? fs_find_mount(cache_fd) : NULL;
    if (mount != NULL)
        code = err_set(err, ERR_FOREIGN, "something is mounted in %s, at %s: unmount it first",
                       name, mount);
    free(mount);
    return code;
}
