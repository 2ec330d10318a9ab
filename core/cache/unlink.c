#include "core/cache/unlink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/crew.h"
#include "core/base/mem.h"
#include "core/cache/entries.h"
#include "core/cache/tree.h"

/* Removing mostly waits for the journal: more threads than processors pay. */
#define THREADS 4
/* With fewer descriptors than this, one thread does it. */
#define DESCRIPTORS_FOR_THREADS 32
#define MAX_NAME 1100
/* Somebody may be writing into the directory all the time. */
#define LISTINGS_MAX 100

struct job {
    struct crew crew;
    struct unlink_options options;
    uint64_t dev;
    atomic_llong freed_bytes;
    atomic_size_t open; /* directories */
    size_t open_max;    /* what is met then is walked by one thread, see tree.h */
    pthread_mutex_t lock;
    struct err first; /* failure */
    size_t failures;
    pthread_t caller;
};

/* A directory being emptied. Its last user removes it. */
struct twig {
    struct job *job;
    struct twig *above; /* NULL: that which the tree lies in */
    int fd;
    int64_t allocated_bytes;
    atomic_uint users;
    atomic_bool emptied; /* something went since it was last listed from the start */
    atomic_bool failed;  /* something in it, or below, can't be removed */
    int listings;
    char name[];
};

struct listing {
    struct task task;
    struct twig *twig;
    struct entries_reader reader;
};

struct descent {
    struct task task;
    struct twig *twig;
    size_t pos, len;
    char names[];
};

static void run_listing(struct crew *crew, struct task *task);
static void run_descent(struct crew *crew, struct task *task);

static bool is_top(const struct twig *twig)
{
    return twig->above != NULL && twig->above->above == NULL;
}

/* Below the directory that the tree lies in. */
static void put_path(struct buf *path, const struct twig *twig)
{
    if (twig->above == NULL)
        return;
    put_path(path, twig->above); /* no deeper than there are descriptors */
    buf_printf(path, "%s/", twig->name);
}

static void fail(struct twig *twig, int code, const char *name)
{
    struct job *job = twig->job;
    struct buf path = {0};
    atomic_store(&twig->failed, true);
    put_path(&path, twig);
    buf_append_str(&path, name);
    pthread_mutex_lock(&job->lock);
    struct err *err = job->failures++ == 0 ? &job->first : NULL;
    if (code == -EXDEV)
        err_set(err, code, "removing %s: it is a mount point", path.data);
    else
        err_sys(err, code, "removing %s", path.data);
    pthread_mutex_unlock(&job->lock);
    buf_done(&path);
}

static void add_freed(struct job *job, int64_t bytes)
{
    atomic_fetch_add(&job->freed_bytes, bytes);
}

static void report(struct job *job)
{
    if (job->options.on_progress != NULL && pthread_equal(pthread_self(), job->caller))
        job->options.on_progress(job->options.arg, atomic_load(&job->freed_bytes));
}

/* ---- one entry */

/* 0 also when it was gone. */
static int unlink_file(struct job *job, int dirfd, const char *name, const struct fs_stat *stat)
{
    if (stat->mount_root)
        return -EXDEV;
    if (job->options.directories_only)
        return ERR_CHANGED;
    if (unlinkat(dirfd, name, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (stat->nlink == 1)
        add_freed(job, stat->allocated_bytes);
    return 0;
}

static int unlink_directory(struct job *job, int dirfd, const char *name, int64_t allocated_bytes)
{
    if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
        return errno == ENOENT ? 0 : -errno;
    add_freed(job, allocated_bytes);
    return 0;
}

static bool is_not_empty(int code)
{
    return code == -ENOTEMPTY || code == -EEXIST;
}

/* ---- directories as tasks */

static void add_listing(struct twig *twig)
{
    struct listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct listing){{NULL, run_listing}, twig, ENTRIES_READER(twig->fd)};
    atomic_store(&twig->emptied, false);
    twig->listings++;
    atomic_fetch_add(&twig->users, 1);
    crew_add(&twig->job->crew, &listing->task);
}

static int find_other(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    return strcmp(arg, name) != 0;
}

/* Takes away the entry that had to stay until now; its bytes don't count. */
static int unlink_last(struct twig *twig)
{
    const char *last = twig->job->options.last;
    if (last == NULL || !is_top(twig))
        return 0;
    int code = fs_each(twig->fd, find_other, (void *)last, NULL);
    if (code == 0 && unlinkat(twig->fd, last, 0) < 0 && errno != ENOENT)
        code = -errno;
    return code > 0 ? -ENOTEMPTY : code;
}

/* Some file systems skip names when others are removed under a listing: then
 * the directory is not empty, and is listed again as long as that helps. False:
 * it is. */
static bool remove_twig(struct twig *twig)
{
    if (atomic_load(&twig->failed)) {
        atomic_store(&twig->above->failed, true);
        return true;
    }
    int code = unlink_last(twig);
    if (code == 0)
        code = unlink_directory(twig->job, twig->above->fd, twig->name, twig->allocated_bytes);
    if (is_not_empty(code) && atomic_load(&twig->emptied) && twig->listings < LISTINGS_MAX &&
        lseek(twig->fd, 0, SEEK_SET) == 0) {
        add_listing(twig);
        return false;
    }
    if (code < 0)
        fail(twig->above, code, twig->name);
    else
        atomic_store(&twig->above->emptied, true);
    return true;
}

static void twig_release(struct twig *twig)
{
    while (twig != NULL && atomic_fetch_sub(&twig->users, 1) == 1) {
        struct twig *above = twig->above;
        if (above == NULL || !remove_twig(twig))
            return;
        close(twig->fd);
        atomic_fetch_sub(&twig->job->open, 1);
        free(twig);
        twig = above;
    }
}

/* Unlinks what is no directory; gathers the names of those that are at the
 * front of the batch. */
static size_t unlink_batch(struct twig *twig, struct entries *entries)
{
    const char *last = is_top(twig) ? twig->job->options.last : NULL;
    struct entry entry;
    size_t names = 0;
    while (entries_next(entries, &entry)) {
        struct fs_stat stat = {.type = entry.type};
        int code = entry.type == FS_DIR ? 0 : entry_stat(twig->fd, entry.name, &stat);
        size_t size = strlen(entry.name) + 1;
        bool file = code == 0 && stat.type != FS_DIR;
        if (code == -ENOENT || (last != NULL && strcmp(last, entry.name) == 0))
            continue;
        if (file)
            code = unlink_file(twig->job, twig->fd, entry.name, &stat);
        else if (size > MAX_NAME)
            code = -ENAMETOOLONG;
        if (code < 0) {
            fail(twig, code, entry.name);
        } else if (file) {
            atomic_store(&twig->emptied, true);
        } else {
            memmove(entries->data + names, entry.name, size);
            names += size;
        }
    }
    return names;
}

static void take_batch(struct twig *twig, struct entries *entries)
{
    size_t len = unlink_batch(twig, entries);
    if (len == 0)
        return;
    struct descent *descent = mem_alloc(sizeof *descent + len);
    *descent = (struct descent){{NULL, run_descent}, twig, 0, len};
    memcpy(descent->names, entries->data, len);
    atomic_fetch_add(&twig->users, 1);
    crew_add(&twig->job->crew, &descent->task);
}

static void run_listing(struct crew *crew, struct task *task)
{
    struct listing *listing = (struct listing *)task;
    struct twig *twig = listing->twig;
    struct job *job = twig->job;
    struct entries entries;
    int code = entries_read(&listing->reader, &entries);
    while (code > 0 && entries.len < ENTRIES_LARGE) {
        take_batch(twig, &entries);
        code = entries_read(&listing->reader, &entries);
    }
    if (code > 0) {
        atomic_fetch_add(&twig->users, 1);
        crew_add(crew, task);
        take_batch(twig, &entries);
    } else {
        if (code < 0)
            fail(twig->above, code, twig->name);
        if (code < 0)
            atomic_store(&twig->failed, true);
        entries_stop(&listing->reader);
        free(listing);
    }
    twig_release(twig);
    report(job);
}

static struct twig *twig_new(struct job *job, struct twig *above, const char *name, int fd,
                             int64_t allocated_bytes)
{
    size_t size = strlen(name) + 1;
    struct twig *twig = mem_alloc(sizeof *twig + size);
    *twig = (struct twig){.job = job, .above = above, .fd = fd, .allocated_bytes = allocated_bytes};
    memcpy(twig->name, name, size);
    atomic_init(&twig->users, 0);
    atomic_init(&twig->emptied, false);
    atomic_init(&twig->failed, false);
    if (above != NULL)
        atomic_fetch_add(&above->users, 1);
    return twig;
}

/* ---- what lies too deep for tasks */

static int walk_file(void *arg, int dirfd, const char *name, const struct fs_stat *stat)
{
    struct twig *twig = arg;
    return unlink_file(twig->job, dirfd, name, stat);
}

static int walk_leave(void *arg, int above, const char *name, const struct fs_stat *stat,
                      bool failed)
{
    struct twig *twig = arg;
    report(twig->job);
    return failed ? 0 : unlink_directory(twig->job, above, name, stat->allocated_bytes);
}

static void walk_failure(void *arg, const struct tree_failure *failure)
{
    fail(arg, failure->code, failure->path);
}

static void walk(struct twig *twig, const char *name)
{
    const struct tree_walk walk = {
        .on_file = walk_file,
        .on_leave = walk_leave,
        .on_failure = walk_failure,
        .arg = twig,
    };
    if (tree_walk(twig->fd, twig->job->dev, name, &walk))
        atomic_store(&twig->emptied, true);
}

static void enter(struct twig *above, const char *name)
{
    struct job *job = above->job;
    struct fs_stat stat;
    int fd = -1;
    if (above->above != NULL && atomic_load(&job->open) >= job->open_max) {
        walk(above, name);
        return;
    }
    int code = fs_enter(above->fd, job->dev, name, &fd, &stat);
    if (code == 0 && above->above == NULL && job->options.ino != 0 &&
        job->options.ino != stat.ino) {
        close(fd);
        code = ERR_CHANGED;
    }
    if (code == 0) {
        atomic_fetch_add(&job->open, 1);
        add_listing(twig_new(job, above, name, fd, stat.allocated_bytes));
        return;
    }
    if (code == -ELOOP || code == -ENOTDIR) { /* it has become something else */
        code = fs_look(above->fd, name, &stat);
        if (code == 0)
            code = unlink_file(job, above->fd, name, &stat);
    }
    if (code < 0 && code != -ENOENT)
        fail(above, code, name);
    else
        atomic_store(&above->emptied, true);
}

static void run_descent(struct crew *crew, struct task *task)
{
    struct descent *descent = (struct descent *)task;
    struct twig *twig = descent->twig;
    char name[MAX_NAME];
    size_t size = strlen(descent->names + descent->pos) + 1;
    memcpy(name, descent->names + descent->pos, size);
    descent->pos += size;
    if (descent->pos == descent->len) {
        free(descent);
    } else {
        atomic_fetch_add(&twig->users, 1);
        crew_add(crew, task);
    }
    enter(twig, name);
    twig_release(twig);
}

/* `below`: the directory that it lies in. */
static void remove_tree(struct twig *below, const char *name)
{
    struct job *job = below->job;
    job->open_max = crew_descriptors();
    atomic_fetch_add(&below->users, 1);
    enter(below, name);
    crew_work_together(&job->crew, job->open_max < DESCRIPTORS_FOR_THREADS ? 1 : THREADS);
    report(job); /* the other threads may have done it all */
}

static int tell_failure(const struct job *job, struct err *err)
{
    if (job->failures > 1)
        return err_set(err, job->first.code, "%s (and %zu more)", job->first.text,
                       job->failures - 1);
    return job->failures > 0 ? err_set(err, job->first.code, "%s", job->first.text) : 0;
}

int unlink_tree(int dirfd, const char *name, const struct unlink_options *options,
                int64_t *freed_bytes, struct err *err)
{
    struct job job = {.caller = pthread_self()};
    struct fs_stat stat, above;
    int code = fs_stat_at(dirfd, name, &stat, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    if (options != NULL)
        job.options = *options;
    pthread_mutex_init(&job.lock, NULL);
    atomic_init(&job.freed_bytes, 0);
    atomic_init(&job.open, 0);
    crew_init(&job.crew);
    struct twig *below = twig_new(&job, NULL, "", dirfd, 0);
    code = stat.type == FS_DIR ? fs_look(dirfd, "", &above) : unlink_file(&job, dirfd, name, &stat);
    if (code < 0) {
        fail(below, code, name);
    } else if (stat.type == FS_DIR) {
        job.dev = above.dev;
        remove_tree(below, name);
    }
    code = tell_failure(&job, err);
    crew_done(&job.crew);
    free(below);
    pthread_mutex_destroy(&job.lock);
    if (freed_bytes != NULL)
        *freed_bytes += atomic_load(&job.freed_bytes);
    return code;
}
