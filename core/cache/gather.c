#include "core/cache/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/busy.h"
#include "core/cache/entries.h"
#include "core/cache/generations.h"
#include "core/cache/layout.h"
#include "core/cache/summary.h"
#include "core/cache/tree.h"

/* Leftovers that are listed one by one; the bytes of others are counted. */
#define MAX_LEFTOVERS 10000

struct gather {
    struct task task; /* the first one */
    struct tally tally;
    struct crew *crew;
    int root_fd;
    const struct cache *previous;
    struct cache *cache;
    size_t blobs_cap;
    int fd, blobs_fd;
    bool has_index;    /* something stands there, readable or not */
    bool unreadable;   /* what matters can't be read */
    bool foreign;
    struct manifest *index; /* NULL: not there, or damaged */
    gather_cb *on_done;
    void *arg;
};

static struct gather *gather_of(struct tally *tally)
{
    return (struct gather *)((char *)tally - offsetof(struct gather, tally));
}

/* ---- leftovers and problems, from any thread */

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
            .kind = kind, .name = mem_printf("%s%s", folder, name), .ino = stat->ino};
    }
    pthread_mutex_unlock(&tally->lock);
    return index;
}

static void add_problem(struct gather *gather, enum problem_kind kind, const char *name,
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
static void fail(struct gather *gather, int code, const char *action, const char *name)
{
    tally_error(&gather->tally, code, action, name);
    pthread_mutex_lock(&gather->tally.lock);
    gather->unreadable = true;
    pthread_mutex_unlock(&gather->tally.lock);
}

/* Counts one entry that is no blob, and all below it. */
static void count_entry(struct gather *gather, int dirfd, const char *folder,
                        const struct entry *entry, enum leftover_kind kind)
{
    struct tally *tally = &gather->tally;
    struct fs_stat stat;
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

/* ---- blobs/sha256: a listing of its own, since its files are remembered */

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
            links_add(&gather->tally.links, blobs[i].ino, blobs[i].nlink,
                      blobs[i].allocated_bytes, REGION_BLOB);
    pthread_mutex_unlock(&gather->tally.lock);
}

/* A blob that an earlier scan met under the same name and inode is immutable. */
static bool recall_blob(const struct gather *gather, const struct digest *digest, uint64_t ino,
                        struct cache_blob *ret_blob)
{
    uint32_t index = gather->previous == NULL ? CACHE_NONE
                                              : cache_find_blob(gather->previous, digest);
    if (index == CACHE_NONE || gather->previous->blobs[index].ino != ino)
        return false;
    *ret_blob = gather->previous->blobs[index];
    ret_blob->generations = 0;
    ret_blob->class = BLOB_ORPHAN;
    ret_blob->role = BLOB_UNKNOWN;
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
        if (code == 0)
            add_problem(gather, PROBLEM_FOREIGN, entry->name,
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
            count_entry(gather, gather->blobs_fd, "blobs/sha256/", &entry, LEFTOVER_OTHER);
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
            fail(gather, code, "reading", "blobs/sha256");
        entries_stop(&listing->reader);
        free(listing);
    }
    tally_release(&gather->tally);
}

static void list_blobs(struct gather *gather)
{
    struct blob_listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct blob_listing){{NULL, run_blobs}, gather, ENTRIES_READER(gather->blobs_fd)};
    tally_hold(&gather->tally);
    crew_add(gather->crew, &listing->task);
}

/* ---- the directory itself */

typedef void visit_cb(struct gather *gather, int dirfd, const struct entry *entry);

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
        fail(gather, code, "reading", name);
    free(entries);
}

static void count_part(struct gather *gather, enum region region, const struct fs_stat *stat)
{
    struct subtotal subtotal = {.region = region, .leftover = TREE_NO_LEFTOVER};
    tally_count(&gather->tally, &subtotal, stat);
    tally_add(&gather->tally, &subtotal);
}

/* Opens and counts a directory of the layout. False when it is something else,
 * which is not counted then. *ret_fd is -1 when it can't be entered. */
static bool enter_folder(struct gather *gather, int dirfd, const char *name, enum region region,
                         int *ret_fd)
{
    struct fs_stat stat;
    int fd = -1;
    int code = tree_open(&gather->tally, dirfd, name, &fd, &stat);
    if (code == -ENOENT)
        return false;
    if (code < 0)
        fail(gather, code, "entering directory", name);
    if (code == 0 || (code != -EXDEV && entry_stat(dirfd, name, &stat) == 0))
        count_part(gather, region, &stat);
    *ret_fd = fd;
    return true;
}

static void visit_ingest(struct gather *gather, int dirfd, const struct entry *entry)
{
    count_entry(gather, dirfd, "ingest/", entry, LEFTOVER_INGEST);
}

static void visit_algorithm(struct gather *gather, int dirfd, const struct entry *entry)
{
    if (strcmp(entry->name, "sha256") == 0 &&
        enter_folder(gather, dirfd, "sha256", REGION_OTHER, &gather->blobs_fd)) {
        if (gather->blobs_fd >= 0)
            list_blobs(gather);
        return;
    }
    add_problem(gather, PROBLEM_FOREIGN, entry->name,
                "in blobs/ is no directory of sha256 blobs: it is counted and left alone");
    count_entry(gather, dirfd, "blobs/", entry, LEFTOVER_OTHER);
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
    if (entry_stat(dirfd, name, &stat) < 0 || stat.type == FS_DIR)
        return false;
    count_part(gather, REGION_OTHER, &stat);
    return true;
}

static void visit_top(struct gather *gather, int dirfd, const struct entry *entry)
{
    if (visit_part(gather, dirfd, entry->name))
        return;
    enum leftover_kind kind = cache_is_aside(entry->name)       ? LEFTOVER_ASIDE
                              : cache_is_temporary(entry->name) ? LEFTOVER_TEMPORARY
                                                                : LEFTOVER_OTHER;
    count_entry(gather, dirfd, "", entry, kind);
    if (kind == LEFTOVER_OTHER)
        add_problem(gather, PROBLEM_FOREIGN, entry->name,
                    "is no part of a cache: bilge leaves it alone, and the directory as a whole "
                    "is not removed while it is there");
}

/* ---- the start: what kind of directory is it? */

static void read_index(struct gather *gather)
{
    struct manifest index;
    struct fs_stat stat;
    struct err err;
    if (entry_stat(gather->fd, "index.json", &stat) < 0)
        return;
    gather->has_index = true;
    gather->cache->last_export_at = stat.modified_at;
    int code = index_read(gather->fd, &index, &err);
    if (code == 0) {
        gather->index = mem_alloc(sizeof *gather->index);
        *gather->index = index;
        return;
    }
    gather->cache->live_unknown = true;
    gather->unreadable = code == -EACCES || code == -EPERM;
    cache_add_problem(gather->cache, PROBLEM_INDEX, NULL,
                      mem_printf("%s; builds run without this cache, and their exports fail "
                                 "until index.json is removed",
                                 err.text));
}

/* index.json alone is also the name of a file in many a web project. */
static bool is_layout(struct gather *gather)
{
    struct fs_stat stat;
    return gather->index != NULL || cache_has_layout(gather->fd) ||
           (gather->has_index && entry_stat(gather->fd, "blobs", &stat) == 0 &&
            stat.type == FS_DIR);
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
    struct fs_stat stat;
    bool there = fs_stat_at(gather->root_fd, cache->name, &stat, NULL) == 0;
    cache->state = code == -ENOENT                       ? CACHE_MISSING
                   : code == -EACCES || code == -EPERM   ? CACHE_UNREADABLE
                   : there                               ? CACHE_FOREIGN
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
        fail(gather, -errno, "reading", gather->cache->name);
    else
        tree_start(gather->crew, &gather->tally, fd, REGION_OTHER, TREE_NO_LEFTOVER);
}

static void run_start(struct crew *crew, struct task *task)
{
    struct gather *gather = (struct gather *)task;
    struct cache *cache = gather->cache;
    struct fs_stat stat;
    if (!crew_cancelled(crew) && open_cache(gather, &stat) == 0) {
        gather->tally.dev = cache->dev = stat.dev;
        cache->ino = stat.ino;
        cache->uid = stat.uid;
        count_part(gather, REGION_OTHER, &stat);
        read_index(gather);
        gather->foreign = !is_layout(gather);
        if (!gather->foreign)
            each_entry(gather, gather->fd, cache->name, visit_top);
        else
            count_foreign(gather);
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
    free(gather->cache->error);
    gather->cache->error = tally->errors == 1
                               ? mem_strdup(tally->error.text)
                               : mem_printf("%s (and %zu more of that kind: sizes are too small)",
                                            tally->error.text, tally->errors - 1);
}

static void finish(struct gather *gather)
{
    struct cache *cache = gather->cache;
    take_leftovers(gather);
    take_error(gather);
    if (!gather->foreign) {
        sort_blobs(cache);
        if (gather->unreadable)
            cache->live_unknown = true;
        generations_find(cache, gather->index, gather->blobs_fd, gather->previous);
    }
    cache_sum(cache, &gather->tally);
    cache->state = gather->foreign ? cache_foreign_state(&gather->tally)
                                   : cache_layout_state(cache, &gather->tally, gather->has_index,
                                                        gather->unreadable);
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

void gather_start(struct crew *crew, int root_fd, const char *root_path, const char *name,
                  const struct cache *previous, gather_cb *on_done, void *arg)
{
    struct gather *gather = mem_zalloc(sizeof *gather);
    gather->task.run = run_start;
    gather->crew = crew;
    gather->root_fd = root_fd;
    gather->previous = previous;
    gather->fd = gather->blobs_fd = -1;
    gather->on_done = on_done;
    gather->arg = arg;
    gather->cache = mem_zalloc(sizeof *gather->cache);
    gather->cache->name = mem_strdup(name);
    gather->cache->path = mem_printf("%s/%s", strcmp(root_path, "/") == 0 ? "" : root_path, name);
    gather->cache->scanned_at = clock_now();
    tally_init(&gather->tally, 0, on_end);
    tally_hold(&gather->tally);
    crew_add(crew, &gather->task);
}
