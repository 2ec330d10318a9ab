#include "core/cache/away.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/aside.h"
#include "core/cache/note.h"
#include "core/cache/unlink.h"
#include "core/oci/layout.h"

static int add_name(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    buf_append(arg, name, strlen(name) + 1);
    return 0;
}

/* What has the same name in both is the same blob, or a write that was begun anew. */
static int move_one(int from_fd, int to_fd, const char *name)
{
    int code = fs_move(from_fd, name, to_fd, name);
    return code == -EEXIST || code == -ENOENT ? 0 : code;
}

/* A blob gets a second name: until the end the old directory is whole, too, and can
 * come back if the new one goes. What can have no second name moves. */
static int give_one(int from_fd, int to_fd, const char *name)
{
    if (linkat(from_fd, name, to_fd, name, 0) == 0 || errno == EEXIST || errno == ENOENT)
        return 0;
    return move_one(from_fd, to_fd, name);
}

/* The names are all there before the first one goes: none is missed. */
static int give_entries(int from_fd, int to_fd, struct err *err)
{
    struct buf names = {0};
    int code = fs_each(from_fd, add_name, &names, err);
    const char *name;
    for (size_t at = 0; code == 0 && at < names.len; at += strlen(name) + 1) {
        name = names.data + at;
        code = give_one(from_fd, to_fd, name);
        if (code < 0)
            err_sys(err, code, "moving %s", name);
    }
    buf_done(&names);
    return code;
}

/* Of a directory `name` in both; `below` is one in it, NULL: its own entries. */
static int give_dir(int from_fd, int to_fd, const char *name, const char *below, struct err *err)
{
    int from = -1, to = -1, code = fs_open_dir(from_fd, name, &from, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = fs_make_dir(to_fd, name, &to, err);
    if (code == 0)
        code = below != NULL ? give_dir(from, to, below, NULL, err) : give_entries(from, to, err);
    close(from);
    if (to >= 0)
        close(to);
    return code;
}

static int move_file(int from_fd, int to_fd, const char *name, struct err *err)
{
    int code = move_one(from_fd, to_fd, name);
    return code < 0 ? err_sys(err, code, "moving %s", name) : 0;
}

static int check_owner(int cache_fd, int new_fd, const char *away, const char *name,
                       struct err *err)
{
    struct fs_stat old, made;
    int code = fs_stat_fd(cache_fd, &old, err);
    if (code == 0)
        code = fs_stat_fd(new_fd, &made, err);
    if (code == 0 && old.uid != made.uid)
        code = err_set(err, ERR_FOREIGN, "%s was made anew by another user; what it held is in %s",
                       name, away);
    return code;
}

static int give_into(int cache_fd, int new_fd, struct err *err)
{
    int code = give_dir(cache_fd, new_fd, "ingest", NULL, err);
    if (code == 0)
        code = give_dir(cache_fd, new_fd, "blobs", "sha256", err);
    if (code == 0)
        code = move_file(cache_fd, new_fd, "oci-layout", err);
    if (code == 0)
        code = move_file(cache_fd, new_fd, "index.json", err);
    return code;
}

static int remove_rest(int root_fd, const char *away, int cache_fd, struct err *err)
{
    struct unlink_options options = {.last = CACHE_NOTE};
    char gone[NOTE_NAME_SIZE];
    struct fs_stat stat;
    int code = fs_stat_fd(cache_fd, &stat, err);
    if (code == 0 && (code = note_decide(root_fd, away, gone, err)) == 0) {
        options.ino = stat.ino;
        code = unlink_tree(root_fd, gone, &options, NULL, err);
    }
    return code;
}

int away_give_back(int root_fd, const char *away, int cache_fd, const char *name, struct err *err)
{
    int new_fd = -1, code = fs_move(root_fd, away, root_fd, name);
    if (code == 0)
        note_remove(cache_fd);
    if (code != -EEXIST)
        return code < 0 ? err_sys(err, code, "renaming %s to %s", away, name) : 0;
    /* Locked: another bilge must not remove it with what is given into it. */
    code = aside_lock(root_fd, name, 0, 0, &new_fd, err);
    if (code < 0)
        return code;
    code = check_owner(cache_fd, new_fd, away, name, err);
    if (code == 0)
        code = give_into(cache_fd, new_fd, err);
    close(new_fd);
    return code == 0 ? remove_rest(root_fd, away, cache_fd, err) : code;
}
