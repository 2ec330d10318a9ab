#include "core/cache/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/crew.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/strlist.h"
#include "core/base/text.h"
#include "core/cache/busy.h"
#include "core/cache/cache.h"
#include "core/cache/entries.h"
#include "core/cache/exports.h"
#include "core/cache/tree.h"
#include "core/cache/watch.h"
#include "core/oci/layout.h"

/* Walks one cache directory and makes a struct cache of it. The walk is cut
 * into tasks of a crew, so that several threads share it:
 *
 *   the directory itself ─► blobs/sha256   batches of names ─► blobs
 *                        ─► ingest/, whatever else is there ─► sums only (tree.h)
 *   when the last task has ended: index.json, generations, sums, state */

/* Between the files of gather.c. */

/* The last steps of a scan: sums and the state, from what was gathered. */

/* Runs on the thread that ends the last task. Gives the cache; NULL when the
 * crew was cancelled. */
typedef void gather_cb(void *arg, struct cache *cache);

struct gather {
    struct task task; /* the first one */
    struct tally tally;
    struct crew *crew;
    int root_fd;
    bool marks;
    const struct cache *previous;
    struct cache *cache;
    size_t blobs_cap;
    int fd, blobs_fd;
    bool unreadable;        /* what matters can't be read */
    bool blobs_unread;      /* not all names in blobs/sha256 were seen */
    bool foreign;           /* no layout */
    struct manifest *index; /* NULL: not there, or damaged */
    gather_cb *on_done;
    void *arg;
};

static void cache_sum(struct cache *cache, struct tally *tally);
static enum cache_state cache_foreign_state(const struct tally *tally);
static void cache_judge(struct cache *cache, const struct tally *tally,
                        const struct manifest *index, bool unreadable);
static void gather_visit_layout(struct gather *gather);
static void gather_count_part(struct gather *gather, enum region region,
                              const struct fs_stat *stat);
static void gather_fail(struct gather *gather, int code, const char *action, const char *name);
static void gather_list_blobs(struct gather *gather);
static void gather_start(struct crew *crew, int root_fd, const char *root_path, const char *name,
                         const struct cache *previous, const struct apart *apart, bool marks,
                         gather_cb *on_done, void *arg);

/* A scan is nearly all kernel time: two threads halve it, more gain little on
 * the machines that people build on, and the lane is not ours alone. */
#define THREADS 2

static void on_gathered(void *arg, struct cache *cache)
{
    *(struct cache **)arg = cache;
}

struct cache *scan_cache(int root_fd, const char *root_path, const char *name,
                         const struct cache *previous)
{
    struct cache *cache = NULL;
    struct crew crew;
    crew_init(&crew);
    gather_start(&crew, root_fd, root_path, name, previous, NULL, false, on_gathered, &cache);
    crew_work(&crew);
    crew_done(&crew);
    return cache;
}

/* ---- on a loop */

/* From a thread to the loop. */
struct news {
    struct news *next;
    struct cache *cache; /* NULL: the root itself */
    struct err err;
};

struct scan_work {
    struct lane_job job; /* first: each is the other */
    struct scan *scan;
};

struct scan {
    struct task task; /* first: the one that lists the root */
    bool has_parts;   /* the root is itself a layout, or that cannot be told */
    struct crew crew;
    struct scan_work works[THREADS];
    size_t working;
    bool cancelled;
    bool lost; /* no thread could be had for it */
    struct root *root;
    struct lane *lane;
    struct strlist names;
    struct cache *previous;
    struct apart apart;
    bool marks;
    struct scan_ops ops;
    void *arg;
    pthread_mutex_t lock;
    struct news *first, **end;
};

static void tell(struct scan *scan, struct cache *cache, const struct err *err)
{
    struct news *news = mem_zalloc(sizeof *news);
    news->cache = cache;
    if (err != NULL)
        news->err = *err;
    pthread_mutex_lock(&scan->lock);
    *scan->end = news;
    scan->end = &news->next;
    pthread_mutex_unlock(&scan->lock);
    for (size_t i = 0; i < THREADS; i++)
        lane_tell(scan->lane, &scan->works[i].job);
}

static void on_root_gathered(void *arg, struct cache *cache)
{
    if (cache != NULL)
        tell(arg, cache, NULL);
}

/* What a cache inside a cache is exported into is a root that is a cache itself:
 * its own blobs and writes are no caches in it. */
static void gather_one(struct scan *scan, const char *name)
{
    if (scan->has_parts && cache_is_part(name))
        return;
    gather_start(&scan->crew, scan->root->fd, scan->root->path, name, scan->previous, &scan->apart,
                 scan->marks, on_root_gathered, scan);
}

static int on_entry(void *arg, const char *name, enum fs_type type)
{
    struct scan *scan = arg;
    struct fs_stat stat;
    if (strncmp(name, ".bilge-", 7) == 0)
        return 0;
    if (type == FS_OTHER || (type == FS_DIR && scan->apart.len > 0)) {
        int code = fs_look(scan->root->fd, name, &stat);
        type = code == 0 ? stat.type : code == -ENOENT ? FS_OTHER : FS_DIR; /* it says why */
        if (code == 0 && apart_has(&scan->apart, stat.dev, stat.ino))
            return 0;
    }
    if (type == FS_DIR || type == FS_SYMLINK)
        gather_one(scan, name);
    return crew_cancelled(&scan->crew) ? ERR_CANCELLED : 0;
}

static void run_root(struct crew *crew, struct task *task)
{
    struct scan *scan = (struct scan *)task;
    struct err err = {0}, reason;
    int code = 0;
    if (crew_cancelled(crew))
        return;
    scan->has_parts = cache_find_layout(scan->root->fd) != 0;
    for (size_t i = 0; i < scan->names.len; i++)
        gather_one(scan, scan->names.items[i]);
    if (scan->names.len == 0)
        code = fs_each(scan->root->fd, on_entry, scan, &reason);
    if (code == ERR_CANCELLED)
        return;
    if (code < 0)
        err_sys(&err, code, "cannot read cache root %s", scan->root->path);
    tell(scan, NULL, &err);
}

static void free_news(struct news *news)
{
    while (news != NULL) {
        struct news *next = news->next;
        cache_free(news->cache);
        free(news);
        news = next;
    }
}

static struct news *take_news(struct scan *scan)
{
    pthread_mutex_lock(&scan->lock);
    struct news *first = scan->first;
    scan->first = NULL;
    scan->end = &scan->first;
    pthread_mutex_unlock(&scan->lock);
    return first;
}

static void hand_over(struct scan *scan)
{
    struct news *news = take_news(scan);
    while (news != NULL && !scan->cancelled) {
        struct news *next = news->next;
        if (news->cache != NULL)
            scan->ops.on_cache(scan->arg, news->cache);
        else
            scan->ops.on_root(scan->arg, news->err.code != 0 ? &news->err : NULL);
        free(news);
        news = next;
    }
    free_news(news);
}

static void on_told(struct lane_job *job)
{
    hand_over(((struct scan_work *)job)->scan);
}

static void scan_free(struct scan *scan)
{
    free_news(take_news(scan));
    root_release(scan->root);
    cache_free(scan->previous);
    strlist_done(&scan->names);
    free(scan->apart.items);
    pthread_mutex_destroy(&scan->lock);
    crew_done(&scan->crew);
    free(scan);
}

static void on_work(struct lane_job *job)
{
    crew_work(&((struct scan_work *)job)->scan->crew);
}

static void on_worked(struct lane_job *job, bool cancelled)
{
    struct scan *scan = ((struct scan_work *)job)->scan;
    struct err err;
    if (cancelled) {
        scan->lost |= !scan->cancelled;
        crew_cancel(&scan->crew);
    }
    if (--scan->working > 0)
        return;
    crew_work(&scan->crew); /* what a cancelled thread never began with frees itself */
    hand_over(scan);
    if (scan->lost && !scan->cancelled) {
        err_sys(&err, -EAGAIN, "cannot read cache root %s", scan->root->path);
        scan->ops.on_root(scan->arg, &err);
    }
    if (!scan->cancelled)
        scan->ops.on_done(scan->arg);
    scan_free(scan);
}

struct scan *scan_start(const struct scan_spec *spec, const struct scan_ops *ops, void *arg)
{
    struct scan *scan = mem_zalloc(sizeof *scan);
    scan->ops = *ops;
    scan->arg = arg;
    scan->end = &scan->first;
    scan->root = root_hold(spec->root);
    scan->lane = spec->lane;
    strlist_add_all(&scan->names, spec->names, spec->names_len);
    scan->previous = spec->previous != NULL ? cache_copy(spec->previous) : NULL;
    apart_copy(&scan->apart, spec->apart);
    scan->marks = spec->marks;
    pthread_mutex_init(&scan->lock, NULL);
    crew_init(&scan->crew);
    scan->task.run = run_root;
    crew_add(&scan->crew, &scan->task);
    for (size_t i = 0; i < THREADS; i++)
        scan->works[i] =
            (struct scan_work){{.run = on_work, .told = on_told, .done = on_worked}, scan};
    scan->working = THREADS;
    for (size_t i = 0; i < THREADS; i++)
        lane_add(scan->lane, &scan->works[i].job);
    return scan;
}

void scan_cancel(struct scan *scan)
{
    scan->cancelled = true;
    crew_cancel(&scan->crew);
    for (size_t i = 0; i < THREADS; i++)
        lane_cancel(scan->lane, &scan->works[i].job);
}

static struct gather *gather_of(struct tally *tally)
{
    return (struct gather *)((char *)tally - offsetof(struct gather, tally));
}

/* ---- the start: what kind of directory is it? */

static void take_index(struct gather *gather, const struct manifest *index)
{
    gather->index = mem_alloc(sizeof *gather->index);
    *gather->index = *index;
}

static void note_bad_index(struct gather *gather, const struct err *err)
{
    struct cache *cache = gather->cache;
    bool unread = layout_is_unread(err->code);
    cache->live_unknown = cache->index_unknown = true;
    if (unread)
        gather_fail(gather, err->code, "reading", "index.json");
    cache_add_problem(cache, unread ? PROBLEM_UNREADABLE : PROBLEM_INDEX, NULL,
                      unread ? mem_printf("index.json can't be read: %s; what is live is not known",
                                          err_reason(err->code))
                             : mem_printf("%s; builds run without this cache, and their exports "
                                          "fail until index.json is removed",
                                          err->text));
}

static void read_index(struct gather *gather)
{
    struct cache *cache = gather->cache;
    struct index_file file;
    struct manifest index;
    struct fs_stat stat;
    struct err err;
    int code = entry_stat(gather->fd, "index.json", &stat);
    cache->has_index = code != -ENOENT;
    if (code == 0)
        cache->last_export_at = stat.modified_at;
    code = index_read(gather->fd, &file, &index, &err);
    if (code == 0 && file.exists)
        take_index(gather, &index);
    else if (code == 0)
        cache->has_index = false;
    else
        note_bad_index(gather, &err);
    index_file_done(&file);
}

/* No directory of its own stands there: that is known, and not merely unread. */
static bool is_something_else(int code)
{
    return code == -ELOOP || code == -ENOTDIR || code == -EXDEV;
}

static int open_cache(struct gather *gather, struct fs_stat *ret_stat)
{
    struct cache *cache = gather->cache;
    struct err err;
    int code = fs_open_dir(gather->root_fd, cache->name, &gather->fd, &err);
    if (code == 0)
        code = fs_stat_fd(gather->fd, ret_stat, &err);
    if (code == 0)
        return 0;
    if (gather->fd >= 0)
        close(gather->fd);
    gather->fd = -1;
    struct fs_stat stat;
    bool there = fs_stat_at(gather->root_fd, cache->name, &stat, NULL) == 0;
    cache->state = code == -ENOENT                    ? CACHE_MISSING
                   : there && is_something_else(code) ? CACHE_FOREIGN
                                                      : CACHE_UNREADABLE;
    if (there && stat.type == FS_SYMLINK)
        err_set(&err, code, "it is a symbolic link: bilge follows none below a cache root");
    if (there && code != -EXDEV) {
        cache->size_bytes = cache->other_bytes = stat.allocated_bytes;
        cache->dev = stat.dev;
        cache->ino = stat.ino;
        cache->uid = stat.uid;
    }
    cache->error = mem_strdup(err.text);
    return code;
}

/* The tree takes the descriptor. */
static void count_foreign(struct gather *gather)
{
    int fd = fcntl(gather->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        gather_fail(gather, -errno, "reading", gather->cache->name);
    else
        tree_start(gather->crew, &gather->tally, fd, REGION_OTHER, TREE_NO_LEFTOVER);
}

static void look_inside(struct gather *gather)
{
    int layout = cache_find_layout(gather->fd);
    if (layout < 0)
        gather_fail(gather, layout, "looking into", gather->cache->name);
    gather->foreign = layout == 0;
    if (gather->foreign) {
        count_foreign(gather);
        return;
    }
    gather->cache->touched_at = busy_touched_at(gather->fd);
    read_index(gather);
    gather_visit_layout(gather);
}

static void run_start(struct crew *crew, struct task *task)
{
    struct gather *gather = (struct gather *)task;
    struct cache *cache = gather->cache;
    struct fs_stat stat;
    if (gather->marks)
        cache->mark = watch_mark(gather->root_fd, cache->name);
    if (!crew_cancelled(crew) && open_cache(gather, &stat) == 0) {
        gather->tally.dev = cache->dev = stat.dev;
        cache->ino = stat.ino;
        cache->uid = stat.uid;
        gather_count_part(gather, REGION_OTHER, &stat);
        look_inside(gather);
    }
    tally_release(&gather->tally);
}

/* ---- the end */

/* Blobs are large items to sort: their places are sorted by the first bytes of
 * the digest, which hardly ever are the same. */
struct place {
    uint64_t key;
    const struct cache_blob *blob;
};

static int by_digest(const void *a, const void *b)
{
    const struct place *one = a, *two = b;
    if (one->key != two->key)
        return one->key < two->key ? -1 : 1;
    return memcmp(&one->blob->digest, &two->blob->digest, sizeof one->blob->digest);
}

static struct place place_of(const struct cache_blob *blob)
{
    struct place place = {0, blob};
    for (size_t i = 0; i < sizeof place.key; i++)
        place.key = place.key << 8 | blob->digest.bytes[i];
    return place;
}

/* A directory that changes while it is read may show a name twice. */
static void sort_blobs(struct cache *cache)
{
    size_t kept = 0, len = cache->blobs_len;
    if (len == 0)
        return;
    struct place *places = mem_alloc(len * sizeof *places);
    struct cache_blob *sorted = mem_alloc(len * sizeof *sorted);
    for (size_t i = 0; i < len; i++)
        places[i] = place_of(&cache->blobs[i]);
    qsort(places, len, sizeof *places, by_digest);
    for (size_t i = 0; i < len; i++)
        if (i == 0 || by_digest(&places[i - 1], &places[i]) != 0)
            sorted[kept++] = *places[i].blob;
    free(places);
    free(cache->blobs);
    cache->blobs = sorted;
    cache->blobs_len = kept;
}

static void take_leftovers(struct gather *gather)
{
    struct cache *cache = gather->cache;
    cache->leftovers = gather->tally.leftovers;
    cache->leftovers_len = gather->tally.leftovers_len;
    gather->tally.leftovers = NULL;
    gather->tally.leftovers_len = 0;
}

static void take_error(struct gather *gather)
{
    struct tally *tally = &gather->tally;
    if (tally->errors == 0)
        return;
    int code = tally->error.code;
    const char *remedy = code == -EACCES || code == -EPERM ? "; run as its owner or with sudo" : "";
    mem_replace(&gather->cache->error, NULL);
    gather->cache->error = tally->errors == 1
                               ? mem_printf("%s%s", tally->error.text, remedy)
                               : mem_printf("%s (and %zu more of that kind: sizes are too small)%s",
                                            tally->error.text, tally->errors - 1, remedy);
}

/* Manifests are read last of all, and what can't be read of them is no size. */
static void find_generations(struct gather *gather)
{
    struct cache *cache = gather->cache;
    struct err reason;
    sort_blobs(cache);
    size_t unread = exports_find(cache, gather->index, gather->blobs_fd, gather->previous, &reason);
    if (unread > 0 && gather->tally.errors == 0) {
        gather->tally.error = reason;
        gather->tally.errors = 1;
    }
    gather->unreadable |= gather->tally.errors > 0;
    if (gather->blobs_unread)
        cache_drop_problems(cache, PROBLEM_MISSING);
    cache->live_unknown |= gather->unreadable;
}

static void finish(struct gather *gather)
{
    struct cache *cache = gather->cache;
    take_leftovers(gather);
    if (!gather->foreign)
        find_generations(gather);
    take_error(gather);
    cache_sum(cache, &gather->tally);
    if (gather->foreign)
        cache->state = cache_foreign_state(&gather->tally);
    else
        cache_judge(cache, &gather->tally, gather->index, gather->unreadable);
}

static void on_end(struct tally *tally)
{
    struct gather *gather = gather_of(tally);
    struct cache *cache = gather->cache;
    if (crew_cancelled(gather->crew)) {
        cache_free(cache);
        cache = NULL;
    } else if (gather->fd >= 0) {
        finish(gather);
    }
    if (gather->fd >= 0)
        close(gather->fd);
    if (gather->blobs_fd >= 0)
        close(gather->blobs_fd);
    if (gather->index != NULL)
        manifest_done(gather->index);
    free(gather->index);
    gather_cb *on_done = gather->on_done;
    void *arg = gather->arg;
    tally_done(tally);
    free(gather);
    on_done(arg, cache);
}

/* Adds the first task. `root_fd` is borrowed until on_done; root_path and name
 * are copied; previous and apart (either may be NULL) are borrowed until on_done. */
static void gather_start(struct crew *crew, int root_fd, const char *root_path, const char *name,
                         const struct cache *previous, const struct apart *apart, bool marks,
                         gather_cb *on_done, void *arg)
{
    struct gather *gather = mem_zalloc(sizeof *gather);
    gather->task.run = run_start;
    gather->crew = crew;
    gather->root_fd = root_fd;
    gather->marks = marks;
    gather->previous = previous;
    gather->fd = gather->blobs_fd = -1;
    gather->on_done = on_done;
    gather->arg = arg;
    gather->cache = mem_zalloc(sizeof *gather->cache);
    gather->cache->name = mem_strdup(name);
    gather->cache->path = path_join(root_path, name);
    gather->cache->scanned_at = clock_now();
    tally_init(&gather->tally, 0, on_end);
    gather->tally.apart = apart;
    tally_hold(&gather->tally);
    crew_add(crew, &gather->task);
}

/* Leftovers that are listed one by one; the bytes of others are counted. */
#define MAX_LEFTOVERS 10000

static size_t add_leftover(struct gather *gather, enum leftover_kind kind, const char *folder,
                           const char *name, const struct fs_stat *stat)
{
    struct tally *tally = &gather->tally;
    size_t index = TREE_NO_LEFTOVER;
    pthread_mutex_lock(&tally->lock);
    if (tally->leftovers_len < MAX_LEFTOVERS) {
        mem_reserve((void **)&tally->leftovers, &tally->leftovers_cap, tally->leftovers_len + 1,
                    sizeof *tally->leftovers);
        index = tally->leftovers_len++;
        tally->leftovers[index] = (struct cache_leftover){
            .kind = kind,
            .name = mem_printf("%s%s", folder, name),
            .ino = stat->ino,
            .own_bytes = stat->allocated_bytes,
        };
    }
    pthread_mutex_unlock(&tally->lock);
    return index;
}

/* "<name> <what>", with the name made clean. */
static void gather_add_problem(struct gather *gather, enum problem_kind kind, const char *name,
                               const char *what)
{
    struct buf clean = {0};
    text_clean(&clean, name, strnlen(name, 200));
    pthread_mutex_lock(&gather->tally.lock);
    cache_add_problem(gather->cache, kind, NULL,
                      mem_printf("%s %s", clean.data != NULL ? clean.data : "", what));
    pthread_mutex_unlock(&gather->tally.lock);
    buf_done(&clean);
}

/* Something that the truth about this cache depends on can't be read. */
static void gather_fail(struct gather *gather, int code, const char *action, const char *name)
{
    tally_error(&gather->tally, code, action, name);
    pthread_mutex_lock(&gather->tally.lock);
    gather->unreadable = true;
    pthread_mutex_unlock(&gather->tally.lock);
}

/* The same of what lies in blobs/sha256: then nothing is missing there. */
static void gather_fail_blobs(struct gather *gather, int code, const char *action, const char *name)
{
    gather_fail(gather, code, action, name);
    pthread_mutex_lock(&gather->tally.lock);
    gather->blobs_unread = true;
    pthread_mutex_unlock(&gather->tally.lock);
}

/* Counts one entry that is no blob, and all below it. */
static void gather_count_entry(struct gather *gather, int dirfd, const char *folder,
                               const struct entry *entry, enum leftover_kind kind)
{
    struct tally *tally = &gather->tally;
    struct fs_stat stat = {.type = FS_OTHER};
    int fd = -1;
    int code = entry_stat(dirfd, entry->name, &stat);
    if (code == 0 && stat.type == FS_DIR)
        code = tree_open(tally, dirfd, entry->name, &fd, &stat);
    if (code == -ENOENT)
        return;
    if (code < 0) {
        tally_error(tally, code, stat.type == FS_DIR ? "entering directory" : "looking at",
                    entry->name);
        if (code == -EXDEV || entry_stat(dirfd, entry->name, &stat) < 0)
            return;
    }
    struct subtotal subtotal = {
        .region = kind == LEFTOVER_INGEST ? REGION_INGEST : REGION_OTHER,
        .leftover = add_leftover(gather, kind, folder, entry->name, &stat),
    };
    tally_count(tally, &subtotal, &stat);
    tally_add(tally, &subtotal);
    if (fd >= 0)
        tree_start(gather->crew, tally, fd, subtotal.region, subtotal.leftover);
}

typedef void visit_cb(struct gather *gather, int dirfd, const struct entry *entry);
typedef void fail_cb(struct gather *gather, int code, const char *action, const char *name);

/* All but ingest/ may lead to blobs. */
static fail_cb *failure_of(const char *name)
{
    return strcmp(name, "ingest") == 0 ? gather_fail : gather_fail_blobs;
}

static void each_entry(struct gather *gather, int dirfd, const char *name, visit_cb *visit)
{
    struct entries_reader reader = ENTRIES_READER(dirfd);
    struct entries *entries = mem_alloc(sizeof *entries);
    struct entry entry;
    int code;
    while ((code = entries_read(&reader, entries)) > 0)
        while (entries_next(entries, &entry))
            visit(gather, dirfd, &entry);
    if (code < 0)
        failure_of(name)(gather, code, "reading", name);
    free(entries);
}

/* Counts one inode that is part of the layout. */
static void gather_count_part(struct gather *gather, enum region region, const struct fs_stat *stat)
{
    struct subtotal subtotal = {.region = region, .leftover = TREE_NO_LEFTOVER};
    tally_count(&gather->tally, &subtotal, stat);
    tally_add(&gather->tally, &subtotal);
}

/* Opens and counts a directory of the layout. False when it is something else,
 * which is not counted then: what lies behind a symlink, say, can't be told.
 * *ret_fd is -1 when it can't be entered. */
static bool enter_folder(struct gather *gather, int dirfd, const char *name, enum region region,
                         int *ret_fd)
{
    struct fs_stat stat;
    int fd = -1;
    int code = tree_open(&gather->tally, dirfd, name, &fd, &stat);
    if (code == -ENOENT) {
        if (entry_stat(dirfd, name, &stat) == 0)
            failure_of(name)(gather, stat.type == FS_SYMLINK ? -ELOOP : -ENOTDIR,
                             "entering directory", name);
        return false;
    }
    if (code < 0)
        failure_of(name)(gather, code, "entering directory", name);
    if (code == 0 || (code != -EXDEV && entry_stat(dirfd, name, &stat) == 0))
        gather_count_part(gather, region, &stat);
    *ret_fd = fd;
    return true;
}

static void visit_ingest(struct gather *gather, int dirfd, const struct entry *entry)
{
    gather_count_entry(gather, dirfd, "ingest/", entry, LEFTOVER_INGEST);
}

static void visit_algorithm(struct gather *gather, int dirfd, const struct entry *entry)
{
    if (strcmp(entry->name, "sha256") == 0 &&
        enter_folder(gather, dirfd, "sha256", REGION_OTHER, &gather->blobs_fd)) {
        if (gather->blobs_fd >= 0)
            gather_list_blobs(gather);
        return;
    }
    gather_add_problem(gather, PROBLEM_FOREIGN, entry->name,
                       "in blobs/ is no directory of sha256 blobs: it is counted and left alone");
    gather_count_entry(gather, dirfd, "blobs/", entry, LEFTOVER_OTHER);
}

/* Enters blobs/ or ingest/. False when something else stands there. */
static bool visit_folder(struct gather *gather, int dirfd, const char *name, enum region region,
                         visit_cb *visit)
{
    int fd = -1;
    if (!enter_folder(gather, dirfd, name, region, &fd))
        return false;
    if (fd >= 0) {
        each_entry(gather, fd, name, visit);
        close(fd);
    }
    return true;
}

static bool visit_part(struct gather *gather, int dirfd, const char *name)
{
    struct fs_stat stat;
    if (strcmp(name, "blobs") == 0)
        return visit_folder(gather, dirfd, name, REGION_OTHER, visit_algorithm);
    if (strcmp(name, "ingest") == 0)
        return visit_folder(gather, dirfd, name, REGION_INGEST, visit_ingest);
    if (strcmp(name, "index.json") != 0 && strcmp(name, "oci-layout") != 0)
        return false;
    int code = entry_stat(dirfd, name, &stat);
    if (code == 0 && stat.type == FS_DIR)
        return false;
    if (code == 0)
        gather_count_part(gather, REGION_OTHER, &stat);
    else if (code != -ENOENT)
        gather_fail(gather, code, "looking at", name);
    return true;
}

static void visit_top(struct gather *gather, int dirfd, const struct entry *entry)
{
    if (visit_part(gather, dirfd, entry->name))
        return;
    enum leftover_kind kind = cache_is_aside(entry->name)       ? LEFTOVER_ASIDE
                              : cache_is_temporary(entry->name) ? LEFTOVER_TEMPORARY
                                                                : LEFTOVER_OTHER;
    gather_count_entry(gather, dirfd, "", entry, kind);
    if (kind == LEFTOVER_OTHER)
        gather_add_problem(
            gather, PROBLEM_FOREIGN, entry->name,
            "is no part of a cache: bilge leaves it alone, and the directory as a whole "
            "is not removed while it is there");
}

/* gather_parts.c: what lies in a layout, counted as what it is. */
static void gather_visit_layout(struct gather *gather)
{
    each_entry(gather, gather->fd, gather->cache->name, visit_top);
}

struct blob_listing {
    struct task task;
    struct gather *gather;
    struct entries_reader reader;
};

#define BATCH_BLOBS 256

static void flush_blobs(struct gather *gather, const struct cache_blob *blobs, size_t len)
{
    struct cache *cache = gather->cache;
    if (len == 0)
        return;
    pthread_mutex_lock(&gather->tally.lock);
    mem_reserve((void **)&cache->blobs, &gather->blobs_cap, cache->blobs_len + len,
                sizeof *cache->blobs);
    memcpy(cache->blobs + cache->blobs_len, blobs, len * sizeof *blobs);
    cache->blobs_len += len;
    for (size_t i = 0; i < len; i++)
        if (blobs[i].nlink > 1)
            links_add(&gather->tally.links, blobs[i].ino, blobs[i].nlink, blobs[i].allocated_bytes,
                      REGION_BLOB);
    pthread_mutex_unlock(&gather->tally.lock);
}

/* A blob that an earlier scan met under the same name and inode is immutable. */
static bool recall_blob(const struct gather *gather, const struct digest *digest, uint64_t ino,
                        struct cache_blob *ret_blob)
{
    uint32_t index =
        gather->previous == NULL ? CACHE_NONE : cache_find_blob(gather->previous, digest);
    if (index == CACHE_NONE || gather->previous->blobs[index].ino != ino)
        return false;
    *ret_blob = gather->previous->blobs[index];
    ret_blob->generations = 0;
    ret_blob->class = BLOB_ORPHAN;
    ret_blob->role = BLOB_UNKNOWN;
    ret_blob->unread = false;
    return true;
}

/* False when it is no blob. */
static bool look_at_blob(struct gather *gather, const struct entry *entry,
                         struct cache_blob *ret_blob)
{
    struct digest digest;
    struct fs_stat stat;
    if (!digest_parse_hex(entry->name, &digest))
        return false;
    if (recall_blob(gather, &digest, entry->ino, ret_blob))
        return true;
    int code = entry_stat(gather->blobs_fd, entry->name, &stat);
    if (code < 0 || stat.type != FS_FILE) {
        if (code < 0 && code != -ENOENT)
            gather_fail_blobs(gather, code, "looking at", entry->name);
        if (code == 0)
            gather_add_problem(gather, PROBLEM_FOREIGN, entry->name,
                               "among the blobs is no regular file: neither followed nor read");
        return false;
    }
    *ret_blob = (struct cache_blob){
        .digest = digest,
        .size_bytes = stat.size_bytes,
        .allocated_bytes = stat.allocated_bytes,
        .modified_at = stat.modified_at,
        .ino = stat.ino,
        .nlink = stat.nlink,
    };
    return true;
}

static void take_blobs(struct gather *gather, struct entries *entries)
{
    struct cache_blob blobs[BATCH_BLOBS];
    struct entry entry;
    size_t len = 0;
    while (entries_next(entries, &entry)) {
        if (!look_at_blob(gather, &entry, &blobs[len]))
            gather_count_entry(gather, gather->blobs_fd, "blobs/sha256/", &entry, LEFTOVER_OTHER);
        else if (++len == BATCH_BLOBS) {
            flush_blobs(gather, blobs, len);
            len = 0;
        }
    }
    flush_blobs(gather, blobs, len);
}

static void run_blobs(struct crew *crew, struct task *task)
{
    struct blob_listing *listing = (struct blob_listing *)task;
    struct gather *gather = listing->gather;
    struct entries entries;
    int code = crew_cancelled(crew) ? 0 : entries_read(&listing->reader, &entries);
    if (code > 0) {
        tally_hold(&gather->tally);
        crew_add(crew, task);
        take_blobs(gather, &entries);
    } else {
        if (code < 0)
            gather_fail_blobs(gather, code, "reading", "blobs/sha256");
        entries_stop(&listing->reader);
        free(listing);
    }
    tally_release(&gather->tally);
}

/* gather_blobs.c: adds the task that lists blobs/sha256, whose files are
 * remembered. */
static void gather_list_blobs(struct gather *gather)
{
    struct blob_listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct blob_listing){{NULL, run_blobs}, gather, ENTRIES_READER(gather->blobs_fd)};
    tally_hold(&gather->tally);
    crew_add(gather->crew, &listing->task);
}

/* Blobs of one class; several names of an inode go to the strongest class,
 * since classes come in that order. */
static int64_t sum_class(const struct cache *cache, const struct links *links, uint8_t class)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        if (blob->class != class)
            continue;
        struct link *link = blob->nlink > 1 ? links_find(links, blob->ino) : NULL;
        if (link == NULL || !link->counted)
            bytes += blob->allocated_bytes;
        if (link != NULL)
            link->counted = true;
    }
    return bytes;
}

static void sum_links(struct cache *cache, const struct links *links)
{
    for (size_t i = 0; i < links->cap; i++) {
        const struct link *link = &links->slots[i];
        if (link->ino == 0)
            continue;
        if (link->rank == REGION_INGEST)
            cache->ingest_bytes += link->allocated_bytes;
        if (link->rank == REGION_OTHER)
            cache->other_bytes += link->allocated_bytes;
        if (link->seen < link->nlink)
            cache->shared_bytes += link->allocated_bytes;
    }
}

/* Fills all sums. Blobs are classed by now. An inode with several names is
 * counted once, for the strongest claim on it. */
static void cache_sum(struct cache *cache, struct tally *tally)
{
    cache->live_bytes = sum_class(cache, &tally->links, BLOB_LIVE);
    cache->older_bytes = sum_class(cache, &tally->links, BLOB_OLDER);
    cache->orphan_bytes = sum_class(cache, &tally->links, BLOB_ORPHAN);
    cache->ingest_bytes = tally->plain_bytes[REGION_INGEST];
    cache->other_bytes = tally->plain_bytes[REGION_OTHER];
    sum_links(cache, &tally->links);
    cache->size_bytes = cache->live_bytes + cache->older_bytes + cache->orphan_bytes +
                        cache->ingest_bytes + cache->other_bytes;
    cache->files = tally->files + cache->blobs_len;
}

/* Of a directory that is no layout. */
static enum cache_state cache_foreign_state(const struct tally *tally)
{
    if (tally->files != tally->directories)
        return CACHE_FOREIGN;
    return tally->errors > 0 ? CACHE_UNREADABLE : CACHE_EMPTY;
}

static char *find_busy_sign(const struct cache *cache)
{
    int64_t ingest_at = 0;
    for (size_t i = 0; i < cache->leftovers_len; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        if (leftover->kind == LEFTOVER_INGEST && leftover->modified_at > ingest_at &&
            busy_is_fresh(leftover->modified_at, cache->scanned_at))
            ingest_at = leftover->modified_at;
    }
    if (ingest_at != 0)
        return busy_ingest_sign(ingest_at, cache->scanned_at);
    for (size_t i = 0; i < cache->blobs_len; i++) {
        int64_t at = cache->blobs[i].modified_at;
        if (at > cache->last_export_at && busy_is_fresh(at, cache->scanned_at))
            return busy_blob_sign(at, cache->scanned_at);
    }
    if (busy_is_opened(cache->touched_at, cache->last_export_at, cache->scanned_at))
        return busy_opened_sign(cache->touched_at, cache->scanned_at);
    return NULL;
}

static bool is_broken(const struct cache *cache)
{
    for (size_t i = 0; i < cache->problems_len; i++)
        if (cache->problems[i].kind != PROBLEM_FOREIGN)
            return true;
    return cache->live_unknown;
}

/* ---- what is it? */

/* A manifest that was read and leads to no BuildKit cache config; NULL: none. */
static const struct cache_generation *find_other(const struct cache *cache)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].other)
            return &cache->generations[i];
    return NULL;
}

static bool has_cache(const struct cache *cache)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].cache)
            return true;
    return false;
}

/* Of what is foreign only the size is told, so that nobody takes a part of it for
 * that of a cache. */
static void make_foreign(struct cache *cache, char *reason)
{
    cache_forget(cache);
    cache->state = CACHE_FOREIGN;
    free(cache->error);
    cache->error = reason;
    cache->other_bytes = cache->size_bytes;
    cache->live_bytes = cache->older_bytes = cache->orphan_bytes = cache->ingest_bytes = 0;
    cache->last_export_at = 0;
    cache->live_unknown = cache->index_unknown = false;
}

static char *why_other(const struct cache_generation *other)
{
    char hex[DIGEST_HEX_SIZE];
    return mem_printf("it holds an image or something else that is no build cache (manifest %.12s)",
                      digest_hex(hex, &other->manifest));
}

/* Whether a manifest that is damaged, gone or not understood could have told. */
static bool may_have_been_a_cache(const struct cache *cache, const struct manifest *index)
{
    return cache->index_unknown || (index != NULL && index->len > 0);
}

static void report_no_index(struct cache *cache)
{
    if (!cache->has_index && cache->blobs_len > 0)
        cache_add_problem(cache, PROBLEM_INDEX, NULL,
                          mem_strdup("there is no index.json: the next build finds nothing "
                                     "cached here, and nothing here is live"));
}

/* Of a layout: sets the state, busy_sign, unproven, and the problems of the
 * directory as a whole. `index`: what index.json holds, NULL when that is not
 * known. */
static void cache_judge(struct cache *cache, const struct tally *tally,
                        const struct manifest *index, bool unreadable)
{
    const struct cache_generation *other = find_other(cache);
    cache->unproven = other != NULL || !has_cache(cache);
    if (unreadable) {
        cache->state = CACHE_UNREADABLE;
        return;
    }
    if (tally->files == tally->directories && cache->blobs_len == 0) {
        cache->state = CACHE_EMPTY;
        cache->unproven = false;
        return;
    }
    if (other != NULL) {
        make_foreign(cache, why_other(other));
        return;
    }
    report_no_index(cache);
    cache->busy_sign = find_busy_sign(cache);
    if (cache->busy_sign != NULL)
        cache->state = CACHE_BUSY;
    else if (cache->unproven && !may_have_been_a_cache(cache, index))
        make_foreign(cache, mem_strdup("no manifest in it leads to a BuildKit cache config"));
    else
        cache->state = cache->unproven || is_broken(cache) ? CACHE_BROKEN : CACHE_OK;
}
