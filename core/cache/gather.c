#include "core/cache/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/gather_private.h"
#include "core/cache/generations.h"
#include "core/cache/problems.h"
#include "core/cache/summary.h"
#include "core/cache/tree.h"

static struct gather *gather_of(struct tally *tally)
{
    return (struct gather *)((char *)tally - offsetof(struct gather, tally));
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
        gather_fail(gather, -errno, "reading", gather->cache->name);
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
        gather_count_part(gather, REGION_OTHER, &stat);
        read_index(gather);
        gather->foreign = !is_layout(gather);
        if (!gather->foreign)
            gather_visit_layout(gather);
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
                  const struct cache *previous, const struct apart *apart, gather_cb *on_done,
                  void *arg)
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
    gather->cache->path = path_join(root_path, name);
    gather->cache->scanned_at = clock_now();
    tally_init(&gather->tally, 0, on_end);
    gather->tally.apart = apart;
    tally_hold(&gather->tally);
    crew_add(crew, &gather->task);
}
