#include "core/cache/unlink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/crew.h"
#include "core/cache/entries.h"

/* Removing mostly waits for the journal: more threads than processors pay. */
#define THREADS 4
#define MAX_DEPTH 256
#define MAX_NAME 1100

struct job {
    struct crew crew;
    uint64_t dev;
    atomic_llong freed_bytes;
    pthread_mutex_t lock;
    int code;
    struct err *err;
    pthread_t caller;
    unlink_cb *on_progress;
    void *arg;
};

/* A directory being emptied. Its last user removes it. */
struct twig {
    struct job *job;
    struct twig *above; /* NULL: the top; it is removed by unlink_tree() */
    int fd;
    int depth;
    int64_t allocated_bytes;
    atomic_uint users;
    atomic_bool emptied; /* something went since it was last listed from the start */
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

static void fail(struct job *job, int code, const char *name)
{
    struct buf clean = {0};
    text_clean(&clean, name, strlen(name));
    pthread_mutex_lock(&job->lock);
    if (job->code == 0) {
        job->code = code;
        err_sys(job->err, code, "removing %s", clean.data != NULL ? clean.data : "");
    }
    pthread_mutex_unlock(&job->lock);
    buf_done(&clean);
}

static void add_freed(struct job *job, int64_t bytes)
{
    atomic_fetch_add(&job->freed_bytes, bytes);
}

static void report(struct job *job)
{
    if (job->on_progress != NULL && pthread_equal(pthread_self(), job->caller))
        job->on_progress(job->arg, atomic_load(&job->freed_bytes));
}

static void add_listing(struct twig *twig)
{
    struct listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct listing){{NULL, run_listing}, twig, ENTRIES_READER(twig->fd)};
    atomic_store(&twig->emptied, false);
    atomic_fetch_add(&twig->users, 1);
    crew_add(&twig->job->crew, &listing->task);
}

/* Some file systems skip names when others are removed under a listing: then
 * the directory is not empty, and is listed again as long as that helps. */
static bool remove_twig(struct twig *twig)
{
    if (unlinkat(twig->above->fd, twig->name, AT_REMOVEDIR) == 0) {
        add_freed(twig->job, twig->allocated_bytes);
        return true;
    }
    int code = -errno;
    if ((code == -ENOTEMPTY || code == -EEXIST) && atomic_load(&twig->emptied) &&
        lseek(twig->fd, 0, SEEK_SET) == 0) {
        add_listing(twig);
        return false;
    }
    if (code != -ENOENT)
        fail(twig->job, code, twig->name);
    return true;
}

static void twig_release(struct twig *twig)
{
    while (twig != NULL && atomic_fetch_sub(&twig->users, 1) == 1) {
        struct twig *above = twig->above;
        if (above == NULL || !remove_twig(twig))
            return;
        close(twig->fd);
        free(twig);
        atomic_store(&above->emptied, true);
        twig = above;
    }
}

static void unlink_one(struct twig *twig, const char *name, const struct fs_stat *stat)
{
    if (unlinkat(twig->fd, name, 0) < 0) {
        if (errno != ENOENT)
            fail(twig->job, -errno, name);
        return;
    }
    atomic_store(&twig->emptied, true);
    if (stat->nlink == 1)
        add_freed(twig->job, stat->allocated_bytes);
}

/* Unlinks what is no directory; gathers the names of those that are at the
 * front of the batch. */
static size_t unlink_batch(struct twig *twig, struct entries *entries)
{
    struct entry entry;
    size_t names = 0;
    while (entries_next(entries, &entry)) {
        struct fs_stat stat = {.type = entry.type};
        int code = entry.type == FS_DIR ? 0 : entry_stat(twig->fd, entry.name, &stat);
        size_t size = strlen(entry.name) + 1;
        if (code == -ENOENT)
            continue;
        if (code < 0 || size > MAX_NAME) {
            fail(twig->job, code < 0 ? code : -ENAMETOOLONG, entry.name);
        } else if (stat.type != FS_DIR) {
            unlink_one(twig, entry.name, &stat);
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
            fail(job, code, twig->name);
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
    *twig = (struct twig){.job = job,
                          .above = above,
                          .fd = fd,
                          .depth = above != NULL ? above->depth + 1 : 0,
                          .allocated_bytes = allocated_bytes};
    memcpy(twig->name, name, size);
    atomic_init(&twig->users, 0);
    atomic_init(&twig->emptied, false);
    if (above != NULL)
        atomic_fetch_add(&above->users, 1);
    return twig;
}

static void enter(struct twig *above, const char *name)
{
    struct job *job = above->job;
    struct fs_stat stat;
    if (above->depth > MAX_DEPTH) {
        fail(job, -ELOOP, name);
        return;
    }
    int fd = openat(above->fd, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int code = fd < 0 ? -errno : entry_stat(fd, "", &stat);
    if (code == 0 && stat.dev != job->dev)
        code = -EXDEV;
    if (code == 0) {
        add_listing(twig_new(job, above, name, fd, stat.allocated_bytes));
        return;
    }
    if (fd >= 0)
        close(fd);
    if (code != -ENOENT)
        fail(job, code, name);
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

int unlink_tree(int dirfd, const char *name, unlink_cb *on_progress, void *arg,
                int64_t *freed_bytes, struct err *err)
{
    struct job job = {
        .err = err, .caller = pthread_self(), .on_progress = on_progress, .arg = arg};
    struct fs_stat stat;
    int code = fs_stat_at(dirfd, name, &stat, err);
    if (code < 0)
        return code;
    job.dev = stat.dev;
    pthread_mutex_init(&job.lock, NULL);
    atomic_init(&job.freed_bytes, 0);
    crew_init(&job.crew);
    struct twig *top = twig_new(&job, NULL, "", dirfd, 0);
    atomic_fetch_add(&top->users, 1);
    enter(top, name);
    crew_work_together(&job.crew, THREADS);
    crew_done(&job.crew);
    free(top);
    pthread_mutex_destroy(&job.lock);
    *freed_bytes += atomic_load(&job.freed_bytes);
    return job.code;
}
