/* Whole cache directories. */
#include "core/cache/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/fs.h"
#include "core/base/text.h"
#include "core/cache/aside.h"
#include "core/cache/keep.h"
#include "core/cache/layout.h"
#include "core/cache/remove_check.h"
#include "core/cache/remove_note.h"
#include "core/cache/scan.h"
#include "core/cache/unlink.h"

/* No reader misses a directory without a file in it. What comes into it
 * meanwhile stays. */
static int remove_if_empty(const struct remove_context *context, int64_t *freed_bytes,
                           struct err *err)
{
    const struct unlink_options options = {.directories_only = true, .ino = context->ino};
    struct cache *now = scan_cache(context->root_fd, context->root_path, context->name, NULL);
    bool empty = now->state == CACHE_EMPTY && now->ino == context->ino;
    cache_free(now);
    if (!empty)
        return err_set(err, ERR_FOREIGN, "%s is no cache directory", context->name);
    return unlink_tree(context->root_fd, context->name, &options, freed_bytes, err);
}

/* An export that came to its end since then leaves no other sign. */
static int check_export(const struct remove_context *context, int cache_fd, struct err *err)
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

static int check(const struct remove_context *context, int cache_fd, struct err *err)
{
    int code = remove_check_foreign(cache_fd, context->name, err);
    if (code == 0)
        code = keep_check_cache(cache_fd, err);
    if (code == 0)
        code = check_export(context, cache_fd, err);
    if (code == 0)
        code = remove_check_busy(context, cache_fd, err);
    if (code == 0 && context->cancel != NULL && atomic_load(context->cancel))
        code = err_set(err, ERR_CANCELLED, "stopped");
    return code;
}

/* Gives the directory back its name, unless somebody has made a new one. */
static int rename_back(const struct remove_context *context, int cache_fd, const char *gone)
{
    int code = fs_move(context->root_fd, gone, context->root_fd, context->name);
    if (code == 0)
        note_remove(cache_fd);
    return code;
}

/* Gives the directory a name that no reader looks for, and that recovery knows. */
static int rename_aside(const struct remove_context *context, int cache_fd, char *ret_name,
                        size_t size, struct err *err)
{
    struct fs_stat moved, wanted;
    int code = fs_stat_fd(cache_fd, &wanted, err);
    if (code == 0)
        code = note_gone_name(context->name, wanted.ino, ret_name, size, err);
    if (code == 0)
        code = note_write(cache_fd, context->name, wanted.ino, err);
    if (code < 0)
        return code;
    code = fs_move(context->root_fd, context->name, context->root_fd, ret_name);
    if (code < 0) {
        note_remove(cache_fd);
        return err_sys(err, code, "removing %s", context->name);
    }
    code = fs_stat_at(context->root_fd, ret_name, &moved, err);
    if (code == 0 && moved.ino != wanted.ino)
        code = err_set(err, ERR_CHANGED, "%s was replaced just now", context->name);
    if (code < 0 && rename_back(context, cache_fd, ret_name) < 0)
        err_set(err, code, "%s was replaced just now; what had its name is now %s",
                context->name, ret_name);
    return code;
}

/* A build may have begun between the first look and the rename: then the
 * directory goes back, unless the build has made itself a new one already. */
static int look_again(const struct remove_context *context, int cache_fd, const char *gone,
                      struct err *err)
{
    int code = remove_check_busy(context, cache_fd, err);
    return code < 0 && rename_back(context, cache_fd, gone) == 0 ? code : 0;
}

static int remove_layout(const struct remove_context *context, int cache_fd, int64_t *freed_bytes,
                         struct err *err)
{
    const struct unlink_options options = {.on_progress = context->on_progress,
                                           .arg = context->arg,
                                           .last = CACHE_NOTE,
                                           .ino = context->ino};
    char gone[NOTE_NAME_SIZE];
    int code = check(context, cache_fd, err);
    if (code == 0)
        code = rename_aside(context, cache_fd, gone, sizeof gone, err);
    if (code == 0)
        code = look_again(context, cache_fd, gone, err);
    if (code < 0)
        return code;
    struct err reason = {0};
    code = unlink_tree(context->root_fd, gone, &options, freed_bytes, &reason);
    if (code < 0)
        err_set(err, code, "%s; the rest of it is in %s/%s", reason.text, context->root_path, gone);
    return code;
}

int remove_service(const struct remove_context *context, int64_t *ret_freed_bytes,
                   struct err *err)
{
    int64_t freed = 0;
    int cache_fd = -1;
    int code =
        aside_lock(context->root_fd, context->name, context->dev, context->ino, &cache_fd, err);
    if (code < 0)
        return code;
    int found = cache_find_layout(cache_fd);
    if (found < 0)
        code = err_sys(err, found, "looking at %s", context->name);
    else if (found > 0)
        code = remove_layout(context, cache_fd, &freed, err);
    else
        code = remove_if_empty(context, &freed, err);
    /* One without a file says nothing of what it is. */
    if (code == ERR_FOREIGN && remove_if_empty(context, &freed, NULL) == 0)
        code = 0;
    close(cache_fd);
    *ret_freed_bytes = freed;
    return code;
}
