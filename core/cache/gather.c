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
    cache->state = code == -ENOENT                     ? CACHE_MISSING
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
    read_index(gather);
    gather_visit_layout(gather);
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
    gather->cache->error =
        tally->errors == 1
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
    size_t unread =
        generations_find(cache, gather->index, gather->blobs_fd, gather->previous, &reason);
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
