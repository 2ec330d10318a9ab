#include "bench/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"

#define START "bilge-bench-"
#define LETTERS 8 /* behind it */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

char *mark_make(uint64_t *ret_token)
{
    unsigned char bytes[LETTERS + sizeof *ret_token];
    char text[LETTERS + 1] = "";
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL) != 0) {
        int64_t now = clock_now(); /* still another one for each moment */
        memcpy(bytes, &now, sizeof now);
        memcpy(bytes + LETTERS, &now, sizeof now);
    }
    for (size_t i = 0; i < LETTERS; i++)
        text[i] = letters[bytes[i] % (sizeof letters - 1)];
    memcpy(ret_token, bytes + LETTERS, sizeof *ret_token);
    return mem_printf(START "%s", text);
}

static bool is_mark(const char *text)
{
    size_t start = strlen(START);
    return strncmp(text, START, start) == 0 && strspn(text + start, letters) == LETTERS &&
           text[start + LETTERS] == '\0';
}

/* With this at its end no other benchmark takes it for a leftover. */
#define UNLOCKED "-new"

/* Makes one under a name that nobody looks at, locks it, and gives it its own. */
static int make_locked(int parent, const char *mark, int *ret_lock)
{
    char *name = mem_printf("%s" UNLOCKED, mark);
    int fd = -1, code = mkdirat(parent, name, 0700) < 0 ? -errno : 0;
    bool made = code == 0;
    if (made)
        code = fs_open_dir(parent, name, &fd, NULL);
    if (code == 0) {
        flock(fd, LOCK_EX | LOCK_NB); /* where that is not known, nothing is ever a leftover */
        code = renameat(parent, name, parent, mark) < 0 ? -errno : 0;
    }
    if (code == 0)
        *ret_lock = fd;
    else if (fd >= 0)
        close(fd);
    if (code < 0 && made)
        unlinkat(parent, name, AT_REMOVEDIR);
    free(name);
    return code;
}

int leftover_make_directory(const char *parent, const char *mark, int *ret_lock, struct err *err)
{
    int fd;
    int code = fs_open_root(parent, &fd, NULL);
    if (code == 0) {
        code = make_locked(fd, mark, ret_lock);
        close(fd);
    }
    return code < 0 ? err_sys(err, code, "making %s/%s", parent, mark) : 0;
}

struct search {
    int parent;
    struct leftover *found;
    size_t len, cap;
};

static int look(void *arg, const char *name, enum fs_type type)
{
    struct search *search = arg;
    struct fs_stat stat;
    int fd;
    (void)type;
    if (!is_mark(name) || fs_open_dir(search->parent, name, &fd, NULL) < 0)
        return 0;
    if (fs_stat_fd(fd, &stat, NULL) < 0 || stat.uid != geteuid() ||
        flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return 0;
    }
    mem_reserve((void **)&search->found, &search->cap, search->len + 1, sizeof *search->found);
    search->found[search->len++] = (struct leftover){.mark = mem_strdup(name), .lock = fd};
    return 0;
}

struct leftover *leftovers_find(const char *parent, size_t *ret_len)
{
    struct search search = {0};
    if (fs_open_root(parent, &search.parent, NULL) == 0) {
        fs_each(search.parent, look, &search, NULL);
        close(search.parent);
    }
    *ret_len = search.len;
    return search.found;
}

void leftover_done(struct leftover *leftover)
{
    free(leftover->mark);
    close(leftover->lock);
}
