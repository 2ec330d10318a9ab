#include "core/cache/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/cache/keep.h"
#include "core/cache/layout.h"
#include "core/cache/remove.h"
#include "core/cache/remove_check.h"
#include "core/cache/unlink.h"

struct waiting {
    struct aside *aside;
    const struct cache *look;
    size_t count;
    int code;
};

static void count_one(void *arg, enum aside_kind kind, const char *name)
{
    struct waiting *waiting = arg;
    struct digest digest;
    waiting->count += kind == ASIDE_INGEST || digest_parse_hex(name, &digest);
}

static void finish_one(void *arg, enum aside_kind kind, const char *name)
{
    struct waiting *waiting = arg;
    struct digest digest;
    int64_t freed = 0;
    int code = -EEXIST;
    if (kind == ASIDE_BLOB) {
        if (!digest_parse_hex(name, &digest))
            return; /* not of our making */
        uint32_t blob = cache_find_blob(waiting->look, &digest);
        if (blob != CACHE_NONE && waiting->look->blobs[blob].class == BLOB_LIVE)
            code = aside_return(waiting->aside, kind, name);
    }
    if (code == -EEXIST)
        code = aside_delete(waiting->aside, kind, name, &freed);
    if (code < 0 && waiting->code == 0)
        waiting->code = code;
}

int recover_waiting(struct aside *aside, size_t *ret_count, struct err *err)
{
    struct waiting waiting = {.aside = aside};
    struct cache *look = NULL;
    int code = aside_each(aside, count_one, &waiting, err);
    if (code < 0 || waiting.count == 0)
        return code;
    code = keep_look(aside, KEEP_ALL, NULL, &look, err);
    if (code < 0)
        return code;
    waiting.look = look;
    code = aside_each(aside, finish_one, &waiting, err);
    cache_free(look);
    if (ret_count != NULL)
        *ret_count += waiting.count;
    if (code == 0 && waiting.code < 0)
        code = err_sys(err, waiting.code, "finishing what an earlier bilge set aside");
    return code;
}

/* ---- a whole root */

struct recovery {
    int root_fd;
    struct buf names; /* each with its NUL */
};

static int add_name(void *arg, const char *name, enum fs_type type)
{
    struct recovery *recovery = arg;
    if (type == FS_DIR || type == FS_OTHER)
        buf_append(&recovery->names, name, strlen(name) + 1);
    return 0;
}

static int note_aside(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    *(bool *)arg = *(bool *)arg || cache_is_aside(name);
    return 0;
}

static bool has_waiting(int root_fd, const char *name)
{
    bool found = false;
    int fd;
    if (fs_open_dir(root_fd, name, &fd, NULL) < 0)
        return false;
    fs_each(fd, note_aside, &found, NULL);
    close(fd);
    return found;
}

static int recover_cache(int root_fd, const char *name, size_t *ret_count, struct err *err)
{
    struct aside aside;
    if (!has_waiting(root_fd, name))
        return 0;
    int code = aside_open(root_fd, name, 0, 0, &aside, err);
    if (code == 0) {
        code = recover_waiting(&aside, ret_count, err);
        aside_close(&aside);
    }
    return code == ERR_BUSY || code == -EACCES || code == -EPERM ? 0 : code;
}

static bool is_ours(int fd)
{
    struct fs_stat stat;
    return fs_stat_fd(fd, &stat, NULL) == 0 && (stat.uid == geteuid() || geteuid() == 0);
}

static int recover_gone(int root_fd, const char *name, size_t *ret_count, struct err *err)
{
    int64_t freed = 0;
    int fd;
    if (fs_open_dir(root_fd, name, &fd, NULL) < 0)
        return 0;
    int code = 0;
    bool held = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (!held && is_ours(fd) && remove_check_foreign(fd, name, NULL) == 0) {
        code = unlink_tree(root_fd, name, NULL, NULL, &freed, err);
        if (ret_count != NULL)
            (*ret_count)++;
    }
    close(fd);
    return code;
}

int remove_recover(int root_fd, const char *root_path, size_t *ret_count, struct err *err)
{
    struct recovery recovery = {.root_fd = root_fd};
    struct err reason = {0};
    int first = fs_each(root_fd, add_name, &recovery, &reason);
    const char *name;
    for (size_t at = 0; at < recovery.names.len; at += strlen(name) + 1) {
        name = recovery.names.data + at;
        struct err err_of_one = {0};
        bool gone = strncmp(name, CACHE_GONE, strlen(CACHE_GONE)) == 0;
        int code = gone ? recover_gone(root_fd, name, ret_count, &err_of_one)
                        : recover_cache(root_fd, name, ret_count, &err_of_one);
        if (code < 0 && first == 0) {
            first = code;
            reason = err_of_one;
        }
    }
    buf_done(&recovery.names);
    return first < 0 ? err_set(err, first, "cleaning up in %s: %s", root_path, reason.text) : 0;
}
