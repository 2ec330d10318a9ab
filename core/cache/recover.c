/* What a killed bilge left: the part of remove.h that tells and finishes it. */
#include "core/cache/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/aside.h"
#include "core/cache/away.h"
#include "core/cache/busy.h"
#include "core/cache/check.h"
#include "core/cache/note.h"
#include "core/cache/remove.h"
#include "core/cache/unlink.h"
#include "core/oci/layout.h"

/* ---- what is left in a root */

struct search {
    int root_fd;
    const char *root_path;
    const char *only;
    struct unfinished_list *list;
    struct buf names; /* of the root's directories, each with its NUL */
};

static void add(struct search *search, const char *name, enum unfinished_kind kind, size_t items,
                const struct err *err)
{
    struct unfinished_list *list = search->list;
    mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = (struct unfinished){
        .kind = kind,
        .root = mem_strdup(search->root_path),
        .only = search->only != NULL ? mem_strdup(search->only) : NULL,
        .path = path_join(search->root_path, name),
        .items = items,
        .error = err != NULL ? mem_strdup(err->text) : NULL,
    };
}

/* As long as "gone". */
static bool is_removed_name(const char *name)
{
    return note_is_away(name) || note_is_gone(name);
}

/* Does it belong to the one cache that is asked about? */
static bool is_meant(const struct search *search, const char *name)
{
    const char *only = search->only;
    if (only == NULL || strcmp(name, only) == 0)
        return true;
    if (!is_removed_name(name))
        return false;
    name += strlen(CACHE_GONE);
    return strncmp(name, only, strlen(only)) == 0 && name[strlen(only)] == '.';
}

static int add_name(void *arg, const char *name, enum fs_type type)
{
    struct search *search = arg;
    bool looked_at = type == FS_DIR || type == FS_OTHER || is_removed_name(name);
    if (looked_at && is_meant(search, name))
        buf_append(&search->names, name, strlen(name) + 1);
    return 0;
}

/* Held by a living bilge? 1 or 0, or a negative code. Where there are no locks, by
 * none. */
static int find_holder(int fd)
{
    int code = aside_try_lock(fd);
    if (code == 0)
        flock(fd, LOCK_UN);
    return code == ERR_BUSY ? 1 : code;
}

static int count_blob(void *arg, const char *name, enum fs_type type)
{
    struct digest digest;
    (void)type;
    *(size_t *)arg += digest_parse_hex(name, &digest);
    return 0;
}

static size_t count_blobs(int cache_fd)
{
    size_t count = 0;
    int fd;
    if (cache_open_blobs(cache_fd, &fd, NULL) < 0)
        return 0;
    fs_each(fd, count_blob, &count, NULL);
    close(fd);
    return count;
}

/* Is it a removal of ours, and, if it is to go, does it hold nothing but a cache? */
static int check_gone(const struct search *search, const char *name, int fd, struct err *err)
{
    int sign = note_check(search->root_fd, name, fd, err);
    if (sign <= 0 || note_is_away(name))
        return sign;
    int code = check_foreign(fd, name, err);
    return code == ERR_FOREIGN ? NOTE_FOREIGN : code < 0 ? code : sign;
}

/* Why it is no directory of ours, as far as that tells. */
static bool is_foreign(int root_fd, const char *name, int code)
{
    struct fs_stat stat;
    bool closed = code == -EACCES || code == -EPERM;
    return code == -EXDEV || code == -ENOTDIR || code == -ELOOP ||
           (closed && fs_look(root_fd, name, &stat) == 0 && stat.uid != geteuid());
}

static void look_at_gone(struct search *search, const char *name)
{
    struct err err = {0};
    int fd = -1, code = fs_open_dir(search->root_fd, name, &fd, &err);
    int held = code == 0 ? find_holder(fd) : 0;
    if (held < 0)
        code = err_sys(&err, held, "looking at a lock");
    if (code == 0 && held == 0)
        code = check_gone(search, name, fd, &err);
    if (code == -ENOENT || held > 0)
        ; /* it has just gone, or is going */
    else if (code > 0)
        add(search, name, note_is_away(name) ? UNFINISHED_AWAY : UNFINISHED_REMOVAL,
            count_blobs(fd), NULL);
    else if (code == NOTE_FOREIGN || is_foreign(search->root_fd, name, code))
        add(search, name, UNFINISHED_FOREIGN, 0, NULL);
    else
        add(search, name, UNFINISHED_UNKNOWN, 0, &err);
    if (fd >= 0)
        close(fd);
}

/* What one look at a cache's entries finds. */
struct found {
    int cache_fd;
    size_t aside, temporary;
    bool dir;
    size_t strangers; /* in it */
};

/* Root's own files in a user's cache are of a bilge that ran with sudo. */
static bool may_be_ours(const struct fs_stat *stat)
{
    return stat->uid == geteuid() || stat->uid == 0 || geteuid() == 0;
}

/* A temporary file is written under a lock. 1 or 0, or a negative code. */
static int check_abandoned(int cache_fd, const char *name)
{
    struct fs_stat stat;
    int fd;
    if (!cache_is_ours(name))
        return 0;
    int code = fs_open_file(cache_fd, name, &stat, &fd, NULL);
    if (code == -EACCES && fs_look(cache_fd, name, &stat) == 0 && !may_be_ours(&stat))
        return 0;
    if (code < 0)
        return code == -ENOENT || code == ERR_FOREIGN ? 0 : code;
    code = may_be_ours(&stat) && !stat.mount_root ? find_holder(fd) : 1;
    close(fd);
    return code < 0 ? code : code == 0;
}

static int look_at_entry(void *arg, const char *name, enum fs_type type)
{
    struct found *found = arg;
    const char *beside = CACHE_ASIDE ".";
    (void)type;
    if (strcmp(name, CACHE_ASIDE) == 0)
        found->dir = true;
    else if (strncmp(name, beside, strlen(beside)) == 0)
        found->aside += aside_is_ours(name + strlen(beside));
    else {
        int code = check_abandoned(found->cache_fd, name);
        if (code < 0)
            return code;
        found->temporary += (size_t)code;
    }
    return 0;
}

static int count_entry(void *arg, const char *name, enum fs_type type)
{
    struct found *found = arg;
    (void)type;
    *(aside_is_ours(name) ? &found->aside : &found->strangers) += 1;
    return 0;
}

/* *ret_foreign: it is another user's, or not a directory. */
static int look_into_aside(struct found *found, bool *ret_foreign, struct err *err)
{
    struct fs_stat stat;
    int fd = -1, code = fs_open_dir(found->cache_fd, CACHE_ASIDE, &fd, err);
    if (code == -ENOENT)
        found->dir = false;
    *ret_foreign = code == -ENOTDIR || code == -ELOOP || code == -EXDEV;
    if (code < 0)
        return found->dir && !*ret_foreign ? code : 0;
    code = fs_stat_fd(fd, &stat, err);
    *ret_foreign = code == 0 && geteuid() != 0 && stat.uid != geteuid();
    if (code == 0 && !*ret_foreign)
        code = fs_each(fd, count_entry, found, err);
    close(fd);
    return code;
}

static int look_at_entries(struct search *search, const char *name, int fd, struct err *err)
{
    struct found found = {.cache_fd = fd};
    int code = fs_each(fd, look_at_entry, &found, err);
    if (code < 0)
        return err->code == code ? code : err_sys(err, code, "looking at %s", name);
    if (!found.dir && found.aside + found.temporary == 0)
        return 0;
    code = find_holder(fd);
    if (code != 0)
        return code > 0 ? 0 : err_sys(err, code, "looking at a lock");
    code = cache_find_layout(fd);
    if (code < 0)
        return err_sys(err, code, "looking at %s", name);
    bool foreign = code == 0 && (found.dir || found.aside > 0);
    code = found.dir && !foreign ? look_into_aside(&found, &foreign, err) : 0;
    if (code < 0)
        return code;
    if (foreign || found.strangers > 0) {
        char *path = mem_printf("%s/" CACHE_ASIDE, name);
        add(search, path, UNFINISHED_FOREIGN, 0, NULL);
        free(path);
    }
    if (!foreign && (found.aside > 0 || (found.dir && found.strangers == 0)))
        add(search, name, UNFINISHED_ASIDE, found.aside, NULL);
    if (found.temporary > 0)
        add(search, name, UNFINISHED_WRITE, found.temporary, NULL);
    return 0;
}

/* A directory that is closed to us is another user's, or the scan says so. */
static void look_at_cache(struct search *search, const char *name)
{
    struct err err = {0};
    int fd = -1, code = fs_open_dir(search->root_fd, name, &fd, &err);
    if (code == 0) {
        code = look_at_entries(search, name, fd, &err);
        close(fd);
    }
    if (code < 0 && code != -ENOENT && code != -ENOTDIR && code != -ELOOP && code != -EXDEV &&
        code != -EACCES && code != -EPERM)
        add(search, name, UNFINISHED_UNKNOWN, 0, &err);
}

void remove_unfinished(int root_fd, const char *root_path, const char *only,
                       struct unfinished_list *list)
{
    struct search search = {.root_fd = root_fd, .root_path = root_path, .only = only, .list = list};
    struct err err = {0};
    const char *name;
    if (fs_each(root_fd, add_name, &search, &err) < 0)
        add(&search, ".", UNFINISHED_UNKNOWN, 0, &err);
    for (size_t at = 0; at < search.names.len; at += strlen(name) + 1) {
        name = search.names.data + at;
        if (is_removed_name(name))
            look_at_gone(&search, name);
        else
            look_at_cache(&search, name);
    }
    buf_done(&search.names);
}

/* ---- finishing it */

static int finish_removal(const struct search *search, const char *name, struct err *err)
{
    struct unlink_options options = {.last = CACHE_NOTE};
    struct fs_stat stat;
    int fd = -1, code = aside_lock(search->root_fd, name, 0, 0, &fd, err);
    if (code < 0)
        return code;
    int sign = check_gone(search, name, fd, err);
    if (sign > 0 && (code = fs_stat_fd(fd, &stat, err)) < 0)
        sign = code;
    options.directories_only = sign == NOTE_EMPTY;
    options.ino = sign > 0 ? stat.ino : 0;
    if (sign > 0)
        code = unlink_tree(search->root_fd, name, &options, NULL, err);
    else
        code = sign < 0 ? sign : err_set(err, ERR_CHANGED, "%s has changed", name);
    close(fd);
    return code;
}

static int finish_away(const struct search *search, const char *away, struct err *err)
{
    int fd = -1, code = aside_lock(search->root_fd, away, 0, 0, &fd, err);
    if (code < 0)
        return code;
    int sign = check_gone(search, away, fd, err);
    char *name = note_first_name(away, fd);
    if (sign < 0)
        code = sign;
    else if (sign == NOTE_FOREIGN)
        code = err_set(err, ERR_CHANGED, "%s has changed", away);
    else if (name == NULL)
        code = err_set(err, ERR_FORMAT, "the name that it had is not known");
    else
        code = away_give_back(search->root_fd, away, fd, name, err);
    free(name);
    close(fd);
    return code;
}

static int finish_aside(const struct search *search, const char *name, struct err *err)
{
    struct aside aside;
    int code = aside_open(search->root_fd, name, 0, 0, &aside, err);
    if (code < 0)
        return code;
    code = aside_return_all(&aside, err);
    int left = aside_close(&aside, code == 0 ? err : NULL);
    return code < 0 ? code : left;
}

static int remove_abandoned(void *arg, const char *name, enum fs_type type)
{
    const int *cache_fd = arg;
    (void)type;
    int code = check_abandoned(*cache_fd, name);
    if (code > 0)
        code = unlinkat(*cache_fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
    return code;
}

static int finish_write(const struct search *search, const char *name, struct err *err)
{
    int fd = -1, code = aside_lock(search->root_fd, name, 0, 0, &fd, err);
    if (code < 0)
        return code;
    int64_t touched_at = busy_touched_at(fd);
    code = fs_each(fd, remove_abandoned, &fd, NULL);
    busy_keep_time(fd, touched_at);
    close(fd);
    return code < 0 ? err_sys(err, code, "removing temporary files") : 0;
}

static int finish(const struct search *search, const struct unfinished *unfinished, struct err *err)
{
    const char *name = path_name(unfinished->path);
    switch (unfinished->kind) {
    case UNFINISHED_REMOVAL:
        return finish_removal(search, name, err);
    case UNFINISHED_AWAY:
        return finish_away(search, name, err);
    case UNFINISHED_ASIDE:
        return finish_aside(search, name, err);
    case UNFINISHED_WRITE:
        return finish_write(search, name, err);
    case UNFINISHED_UNKNOWN:
        return err_set(err, -EIO, "%s", unfinished->error);
    default:
        return 0;
    }
}

static void unfinished_item_done(struct unfinished *item)
{
    free(item->root);
    free(item->only);
    free(item->path);
    free(item->error);
}

int remove_recover(int root_fd, const char *root_path, const char *only,
                   struct unfinished_list *list, struct err *err)
{
    const struct search search = {.root_fd = root_fd, .root_path = root_path};
    size_t begin = list->len;
    int first = 0;
    remove_unfinished(root_fd, root_path, only, list);
    for (size_t i = begin; i < list->len; i++) {
        struct unfinished *item = &list->items[i];
        struct err reason = {0};
        int code = finish(&search, item, &reason);
        if (code == ERR_BUSY || code == -ENOENT) { /* somebody else is at it, or was */
            unfinished_item_done(item);
            *item = list->items[--list->len];
            i--;
        } else if (code < 0) {
            mem_replace(&item->error, reason.text);
            if (first == 0)
                first = err_set(err, code, "%s: %s", item->path, reason.text);
        }
    }
    return first;
}

/* ---- words */

const char *unfinished_kind_name(enum unfinished_kind kind)
{
    static const char *const names[] = {
        [UNFINISHED_REMOVAL] = "removal", [UNFINISHED_AWAY] = "aside",
        [UNFINISHED_ASIDE] = "aside",     [UNFINISHED_WRITE] = "write",
        [UNFINISHED_FOREIGN] = "foreign", [UNFINISHED_UNKNOWN] = "unknown",
    };
    return names[kind];
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

char *unfinished_text(const struct unfinished *unfinished, bool is_left)
{
    const char *path = unfinished->path, *in = is_left ? "is left in" : "in";
    size_t items = unfinished->items;
    switch (unfinished->kind) {
    case UNFINISHED_REMOVAL:
        return mem_printf("an interrupted removal %s %s (%zu blob%s)", in, path, items,
                          plural(items));
    case UNFINISHED_AWAY:
        return mem_printf("an interrupted removal %s %s (a whole cache, %s)", in, path,
                          is_left ? "set aside" : "put back");
    case UNFINISHED_ASIDE:
        return mem_printf("an interrupted removal %s %s (%zu blob%s %s)", in, path, items,
                          plural(items), is_left ? "set aside" : "put back");
    case UNFINISHED_WRITE:
        return mem_printf("an interrupted write %s %s (%zu temporary file%s)", in, path, items,
                          plural(items));
    case UNFINISHED_FOREIGN:
        return mem_printf("%s has the name of an interrupted removal, but is not known to be one "
                          "of ours: it is left alone",
                          path);
    default:
        return mem_printf("whether an interrupted removal is left in %s can't be told", path);
    }
}

void unfinished_done(struct unfinished_list *list)
{
    for (size_t i = 0; i < list->len; i++)
        unfinished_item_done(&list->items[i]);
    free(list->items);
    *list = (struct unfinished_list){0};
}
