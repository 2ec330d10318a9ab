#include "core/cache/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/path.h"

/* To pass through a directory, the right to enter it is enough. */
#if defined(O_PATH)
#define PASS O_PATH
#elif defined(O_SEARCH)
#define PASS O_SEARCH
#else
#define PASS O_RDONLY
#endif
#define DIR_FLAGS (O_DIRECTORY | O_CLOEXEC | O_NOCTTY)
/* As many as the kernel follows. */
#define LINKS_MAX 40

struct root *root_hold(struct root *root)
{
    atomic_fetch_add(&root->users, 1);
    return root;
}

void root_release(struct root *root)
{
    if (root == NULL || atomic_fetch_sub(&root->users, 1) > 1)
        return;
    close(root->fd);
    free(root->path);
    free(root);
}

bool root_same(const struct root *a, const struct root *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

uid_t root_invoker(void)
{
    static const char *const names[] = {"SUDO_UID", "PKEXEC_UID"};
    for (size_t i = 0; geteuid() == 0 && i < sizeof names / sizeof names[0]; i++) {
        const char *text = getenv(names[i]);
        char *end;
        errno = 0;
        unsigned long uid =
            text != NULL && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : ULONG_MAX;
        if (uid < UINT32_MAX && errno == 0 && *end == '\0')
            return (uid_t)uid;
    }
    return geteuid();
}

/* ----------------------------------------------------------------- the way */

/* From "/" on; all that is behind us is free of symlinks. */
struct way {
    const char *asked; /* for messages */
    uid_t invoker;
    int fd;          /* the directory we are in; -1: "/" can't be opened */
    struct buf path; /* its path; empty: "/" */
    struct buf rest; /* what is still to go */
    unsigned links;
    struct err *err;
};

static int fail(struct way *way, int code)
{
    return err_sys(way->err, code, "cannot open cache root %s", way->asked);
}

/* The way ends at this name, which may not be what was asked for. */
static int fail_at(struct way *way, const char *name, int code)
{
    char *place = mem_printf("%s/%s", way->path.len > 0 ? way->path.data : "", name);
    bool asked = strcmp(place, way->asked) == 0 && way->rest.len == 0;
    if (!asked)
        err_sys(way->err, code, "cannot open cache root %s: %s", way->asked, place);
    free(place);
    return asked ? fail(way, code) : code;
}

static void move_to(struct way *way, int fd)
{
    if (way->fd >= 0)
        close(way->fd);
    way->fd = fd;
}

static int go_to_top(struct way *way)
{
    int fd = open("/", PASS | DIR_FLAGS);
    if (fd < 0)
        return fail(way, -errno);
    move_to(way, fd);
    buf_clear(&way->path);
    return 0;
}

static int go_up(struct way *way)
{
    int fd = openat(way->fd, "..", PASS | DIR_FLAGS);
    if (fd < 0)
        return fail_at(way, "..", -errno);
    move_to(way, fd);
    while (way->path.len > 0 && way->path.data[--way->path.len] != '/')
        continue;
    if (way->path.data != NULL)
        way->path.data[way->path.len] = '\0';
    return 0;
}

static int go_down(struct way *way, const char *name)
{
    int fd = openat(way->fd, name, PASS | DIR_FLAGS | O_NOFOLLOW);
    if (fd < 0)
        return fail_at(way, name, -errno);
    move_to(way, fd);
    buf_printf(&way->path, "/%s", name);
    return 0;
}

/* May somebody have put it here whom we need not trust? */
static bool is_planted(const struct way *way, const struct stat *link, const struct stat *dir)
{
    bool open_to_others =
        (dir->st_mode & S_ISVTX) != 0 && (dir->st_mode & (S_IWGRP | S_IWOTH)) != 0;
    return open_to_others && link->st_uid != geteuid() && link->st_uid != 0 &&
           link->st_uid != way->invoker && link->st_uid != dir->st_uid;
}

/* Is it the very same link? Between a look at its owner and reading it, it may have
 * been replaced. */
static bool is_same_link(const struct stat *a, const struct stat *b)
{
    return S_ISLNK(b->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_uid == b->st_uid && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int follow(struct way *way, const char *name, const struct stat *link)
{
    char target[PATH_MAX];
    struct stat dir, again;
    if (fstat(way->fd, &dir) < 0)
        return fail_at(way, name, -errno);
    if (is_planted(way, link, &dir))
        return err_set(way->err, ERR_FOREIGN,
                       "cannot open cache root %s: %s/%s is a symbolic link that user %u put into "
                       "a directory where others may write, too; name the directory that is meant, "
                       "or remove the link",
                       way->asked, way->path.len > 0 ? way->path.data : "", name,
                       (unsigned)link->st_uid);
    if (++way->links > LINKS_MAX)
        return fail_at(way, name, -ELOOP);
    ssize_t len = readlinkat(way->fd, name, target, sizeof target - 1);
    if (len < 0 || fstatat(way->fd, name, &again, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_at(way, name, -errno);
    if (!is_same_link(link, &again))
        return fail_at(way, name, ERR_CHANGED);
    target[len] = '\0';
    if (len == 0 || (size_t)len == sizeof target - 1)
        return fail_at(way, name, len == 0 ? -ENOENT : -ENAMETOOLONG);
    char *rest = buf_take(&way->rest);
    buf_printf(&way->rest, "%s/%s", target, rest);
    free(rest);
    return target[0] == '/' ? go_to_top(way) : 0;
}

static int enter(struct way *way, const char *name)
{
    struct stat st;
    if (strcmp(name, "..") == 0)
        return go_up(way);
    if (fstatat(way->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_at(way, name, -errno);
    return S_ISLNK(st.st_mode) ? follow(way, name, &st) : go_down(way, name);
}

/* Takes the next name from what is still to go; NULL: we are there. */
static char *next_name(struct way *way)
{
    size_t start = 0, len = 0;
    while (len == 0 || (len == 1 && way->rest.data[start] == '.')) {
        start += len;
        start += way->rest.len > start ? strspn(way->rest.data + start, "/") : 0;
        if (start >= way->rest.len)
            return NULL;
        len = strcspn(way->rest.data + start, "/");
    }
    char *name = mem_strndup(way->rest.data + start, len);
    start += len + strspn(way->rest.data + start + len, "/");
    char *rest = mem_strdup(way->rest.data + start);
    buf_done(&way->rest);
    buf_append_str(&way->rest, rest);
    free(rest);
    return name;
}

/* ------------------------------------------------------------- what is there */

static int root_open(int dirfd, const char *name, const char *path, struct root **ret_root)
{
    struct stat st;
    int fd = openat(dirfd, name, O_RDONLY | DIR_FLAGS);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    struct root *root = mem_zalloc(sizeof *root);
    atomic_init(&root->users, 1);
    root->path = mem_strdup(path);
    root->fd = fd;
    root->dev = st.st_dev;
    root->ino = st.st_ino;
    *ret_root = root;
    return 0;
}

int root_find(const char *path, uid_t invoker, struct root_found *ret_found)
{
    char *asked = path_plain(path), *name = NULL;
    struct way way = {.asked = asked, .invoker = invoker, .fd = -1, .err = &ret_found->err};
    *ret_found = (struct root_found){.above_fd = -1};
    buf_append_str(&way.rest, asked);
    int code = go_to_top(&way);
    while (code == 0 && (name = next_name(&way)) != NULL) {
        code = enter(&way, name);
        if (code == 0)
            free(name);
    }
    const char *here = way.path.len > 0 ? way.path.data : "/";
    if (code == 0) {
        ret_found->path = mem_strdup(here);
        code = root_open(way.fd, ".", here, &ret_found->root);
        if (code < 0)
            fail(&way, code);
    } else if (name == NULL) {
        ret_found->path = mem_strdup(asked);
    } else {
        char *whole = mem_printf("%s/%s/%s", way.path.len > 0 ? way.path.data : "", name,
                                 way.rest.len > 0 ? way.rest.data : "");
        ret_found->path = path_plain(whole);
        ret_found->above_fd = way.fd;
        ret_found->missing = name;
        way.fd = -1;
        free(whole);
    }
    if (way.fd >= 0)
        close(way.fd);
    buf_done(&way.path);
    buf_done(&way.rest);
    free(asked);
    return code;
}

void root_found_done(struct root_found *found)
{
    root_release(found->root);
    if (found->above_fd >= 0)
        close(found->above_fd);
    free(found->path);
    free(found->missing);
}

int root_check(const struct root *root, struct err *err)
{
    struct root_found found;
    int code = root_find(root->path, geteuid(), &found);
    if (code < 0 && code != -ENOENT)
        err_set(err, code, "%s", found.err.text);
    else if (code < 0 || !root_same(found.root, root))
        code = err_sys(err, ERR_CHANGED, "cache root %s", root->path);
    root_found_done(&found);
    return code;
}

int root_above(const struct root *root, struct root **ret_above, struct err *err)
{
    struct stat st;
    struct root *above;
    char *path = path_parent(root->path);
    int code = root_open(root->fd, "..", path, &above);
    free(path);
    if (code < 0)
        return err_sys(err, code, "cannot open the directory above %s", root->path);
    if (fstatat(above->fd, path_name(root->path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        st.st_dev != root->dev || st.st_ino != root->ino) {
        root_release(above);
        return err_sys(err, ERR_CHANGED, "cannot open the directory above %s", root->path);
    }
    *ret_above = above;
    return 0;
}
