#include "core/cache/remove.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/clock.h"
#include "core/base/crew.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/aside.h"
#include "core/cache/away.h"
#include "core/cache/busy.h"
#include "core/cache/check.h"
#include "core/cache/needed.h"
#include "core/cache/note.h"
#include "core/cache/scan.h"
#include "core/cache/tree.h"
#include "core/cache/unlink.h"
#include "core/oci/index.h"
#include "core/oci/layout.h"

#define THREADS 4
/* Items that one task deletes. */
#define CHUNK 64
#define WAIT_STEP_MS 20

/* One call of remove_items(). Items go in rounds: as many as there is room for
 * are set aside, then looked at again, then deleted or put back. */
struct removal {
    const struct remove_context *context;
    struct remove_item *items;
    bool *waits; /* per item: it is set aside */
    size_t len;
    struct aside aside;
    struct cache *before; /* what had to stay at the start */
    struct cache *after;  /* at the second look */
    int64_t touched_at;   /* busy_touched_at() before a new index.json was begun */
    atomic_llong freed_bytes;
    struct err *err;
};

static bool is_cancelled(const struct remove_context *context)
{
    return context->cancel != NULL && atomic_load(context->cancel);
}

static enum aside_kind kind_of(const struct remove_item *item)
{
    return item->kind == REMOVE_BLOB ? ASIDE_BLOB : ASIDE_INGEST;
}

static const char *name_of(const struct remove_item *item, char hex[DIGEST_HEX_SIZE])
{
    return item->kind == REMOVE_BLOB ? digest_hex(hex, &item->digest) : item->name;
}

static bool must_stay(const struct cache *look, const struct remove_item *item)
{
    if (item->kind != REMOVE_BLOB)
        return false;
    uint32_t blob = cache_find_blob(look, &item->digest);
    return blob != CACHE_NONE && look->blobs[blob].class == BLOB_LIVE;
}

/* ---- live exports: index.json names them no longer */

static bool is_dropped(const struct removal *removal, const struct digest *manifest)
{
    for (size_t i = 0; i < removal->len; i++)
        if (removal->items[i].kind == REMOVE_LIVE &&
            digest_equal(&removal->items[i].digest, manifest))
            return true;
    return false;
}

/* Is index.json the one that was shown, and does it name what is to go? */
static bool is_as_shown(const struct removal *removal, const struct cache *cache)
{
    size_t wanted = 0, found = 0;
    bool same = !cache->live_unknown;
    for (size_t i = 0; i < removal->len; i++) {
        if (removal->items[i].kind != REMOVE_LIVE)
            continue;
        wanted++;
        same &= removal->items[i].modified_at == cache->last_export_at;
    }
    for (size_t i = 0; i < cache->generations_len; i++)
        found += cache->generations[i].live && is_dropped(removal, &cache->generations[i].manifest);
    return same && found == wanted;
}

/* The manifests that stay named; 0 when one of them is not whole. */
static size_t find_left(const struct removal *removal, const struct cache *cache,
                        struct digest *left)
{
    size_t len = 0;
    for (size_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (!generation->live || is_dropped(removal, &generation->manifest))
            continue;
        if (!generation->whole)
            return 0;
        left[len++] = generation->manifest;
    }
    return len;
}

static void set_live_codes(struct removal *removal, int code)
{
    for (size_t i = 0; i < removal->len; i++)
        if (removal->items[i].kind == REMOVE_LIVE)
            removal->items[i].code = code;
}

static bool is_dropping_done(const struct removal *removal)
{
    for (size_t i = 0; i < removal->len; i++)
        if (removal->items[i].kind == REMOVE_LIVE && removal->items[i].code != 0)
            return false;
    return true;
}

static int check_still_free(void *arg, struct err *err)
{
    const struct removal *removal = arg;
    busy_keep_time(removal->aside.cache_fd, removal->touched_at);
    return check_busy(removal->context, removal->aside.cache_fd, err);
}

/* Before anything is set aside: until then their blobs are live. */
static int drop_live(struct removal *removal)
{
    const struct remove_context *context = removal->context;
    bool any = false;
    for (size_t i = 0; i < removal->len; i++)
        any |= removal->items[i].kind == REMOVE_LIVE;
    if (!any)
        return 0;
    struct index_file file = {.exists = false};
    struct manifest index = {0};
    int code = index_read(removal->aside.cache_fd, &file, &index, removal->err);
    struct cache *cache = scan_cache(context->root_fd, context->root_path, context->name, NULL);
    struct digest *left = mem_alloc((cache->generations_len + 1) * sizeof *left);
    size_t len = code == 0 && is_as_shown(removal, cache) ? find_left(removal, cache, left) : 0;
    const struct index_edit edit = {.cache_fd = removal->aside.cache_fd,
                                    .before = &file,
                                    .check = check_still_free,
                                    .arg = removal};
    if (code == 0 && len == 0)
        code = err_set(removal->err, ERR_CHANGED,
                       "%s has other exports than were shown, or not all are whole", context->name);
    removal->touched_at = busy_touched_at(removal->aside.cache_fd);
    if (code == 0)
        code = index_keep(&edit, left, len, removal->err);
    if (code == 0)
        set_live_codes(removal, 0);
    free(left);
    cache_free(cache);
    index_file_done(&file);
    manifest_done(&index);
    return code;
}

/* ---- setting aside */

static int check_blob(const struct removal *removal, const struct remove_item *item,
                      const struct fs_stat *stat)
{
    if (must_stay(removal->before, item) || stat->type != FS_FILE || stat->ino != item->ino ||
        stat->modified_at != item->modified_at)
        return ERR_CHANGED;
    return 0;
}

static int check_ingest(const struct removal *removal, const struct remove_item *item,
                        const struct fs_stat *stat)
{
    struct cache_leftover found;
    int code = tree_sum(removal->aside.ingest_fd, item->name, &found);
    if (code < 0)
        return code;
    if (stat->ino != item->ino || found.modified_at != item->modified_at)
        return ERR_CHANGED;
    if (!removal->context->now && busy_is_fresh(found.modified_at, clock_now()))
        return ERR_BUSY;
    return 0;
}

/* What was renamed may be another file than the one looked at just before: then,
 * and when that can't be told, it goes back. */
static int check_moved(struct removal *removal, const struct remove_item *item, const char *name)
{
    struct fs_stat stat;
    int code = aside_stat(&removal->aside, kind_of(item), name, &stat);
    if (code == 0 && stat.ino == item->ino)
        return 0;
    int returned = aside_return(&removal->aside, kind_of(item), name);
    return returned < 0 ? returned : code < 0 ? code : ERR_CHANGED;
}

static int set_aside(struct removal *removal, size_t index)
{
    struct remove_item *item = &removal->items[index];
    bool blob = item->kind == REMOVE_BLOB;
    int home_fd = blob ? removal->aside.blobs_fd : removal->aside.ingest_fd;
    char hex[DIGEST_HEX_SIZE];
    const char *name = name_of(item, hex);
    struct fs_stat stat;
    if (!fs_is_name(name))
        return ERR_FOREIGN;
    int code = home_fd >= 0 ? fs_stat_at(home_fd, name, &stat, NULL) : -ENOENT;
    if (code == 0 && stat.mount_root)
        code = -EXDEV;
    if (code == 0)
        code = blob ? check_blob(removal, item, &stat) : check_ingest(removal, item, &stat);
    if (code == 0)
        code = aside_take(&removal->aside, kind_of(item), name);
    if (code == -ENOENT)
        return 0; /* gone is what was asked for */
    if (code == 0)
        code = check_moved(removal, item, name);
    removal->waits[index] = code == 0;
    return code;
}

/* Sets items aside from `start` on; returns where the round ends. */
static size_t set_round_aside(struct removal *removal, size_t start)
{
    size_t taken = 0, i = start;
    for (; i < removal->len && !is_cancelled(removal->context); i++) {
        if (taken > 0 && taken >= aside_room(&removal->aside))
            break;
        if (removal->items[i].kind == REMOVE_LIVE)
            continue;
        removal->items[i].code = set_aside(removal, i);
        taken += removal->waits[i];
        /* No room to wait in: deleting those that do makes some. */
        if ((removal->items[i].code == -ENOSPC || removal->items[i].code == -EDQUOT) && taken > 0)
            break;
    }
    return i;
}

/* ---- the second look */

static void wait_a_moment(const struct remove_context *context)
{
    int64_t until = clock_mono_ms() + context->settle_ms;
    while (clock_mono_ms() < until && !is_cancelled(context))
        nanosleep(&(struct timespec){0, WAIT_STEP_MS * 1000000L}, NULL);
}

static int look_again(struct removal *removal)
{
    cache_free(removal->after);
    removal->after = NULL;
    if (is_cancelled(removal->context))
        return err_set(removal->err, ERR_CANCELLED, "stopped");
    int code = check_busy(removal->context, removal->aside.cache_fd, removal->err);
    if (code < 0)
        return code;
    return needed_look(&removal->aside, NEEDED_NEW, removal->before, &removal->after, removal->err);
}

static int delete_waiting(struct removal *removal, struct remove_item *item, const char *name)
{
    int64_t freed = 0;
    int code = aside_delete(&removal->aside, kind_of(item), name, &freed);
    item->freed_bytes += freed;
    atomic_fetch_add(&removal->freed_bytes, freed);
    return code;
}

static void put_back(struct removal *removal, size_t index, int reason)
{
    struct remove_item *item = &removal->items[index];
    char hex[DIGEST_HEX_SIZE];
    const char *name = name_of(item, hex);
    int code = aside_return(&removal->aside, kind_of(item), name);
    if (code == -EEXIST) /* written anew meanwhile: that one stays */
        code = delete_waiting(removal, item, name);
    item->code = code < 0 ? code : reason;
    removal->waits[index] = false;
}

/* What can't be deleted, or not to its end, goes back. */
static void delete_item(struct removal *removal, size_t index)
{
    struct remove_item *item = &removal->items[index];
    char hex[DIGEST_HEX_SIZE];
    assert(removal->waits[index] && !must_stay(removal->before, item) &&
           !must_stay(removal->after, item));
    int code = delete_waiting(removal, item, name_of(item, hex));
    if (code < 0)
        put_back(removal, index, code);
    else
        item->code = 0;
    if (code < 0 && item->kind == REMOVE_INGEST)
        aside_keep_time(&removal->aside, item->name, item->modified_at);
    removal->waits[index] = false;
}

struct chunk {
    struct task task;
    struct removal *removal;
    size_t start, end;
    pthread_t caller;
};

static void run_chunk(struct crew *crew, struct task *task)
{
    struct chunk *chunk = (struct chunk *)task;
    struct removal *removal = chunk->removal;
    const struct remove_context *context = removal->context;
    (void)crew;
    for (size_t i = chunk->start; i < chunk->end; i++) {
        if (!removal->waits[i])
            continue;
        if (is_cancelled(removal->context))
            put_back(removal, i, ERR_CANCELLED);
        else if (must_stay(removal->after, &removal->items[i]))
            put_back(removal, i, ERR_CHANGED);
        else
            delete_item(removal, i);
    }
    if (context->on_progress != NULL && pthread_equal(pthread_self(), chunk->caller))
        context->on_progress(context->arg, atomic_load(&removal->freed_bytes));
    free(chunk);
}

static void delete_round(struct removal *removal, size_t start, size_t end)
{
    struct crew crew;
    crew_init(&crew);
    for (size_t i = start; i < end; i += CHUNK) {
        struct chunk *chunk = mem_alloc(sizeof *chunk);
        size_t last = end - i < CHUNK ? end : i + CHUNK;
        *chunk = (struct chunk){{NULL, run_chunk}, removal, i, last, pthread_self()};
        crew_add(&crew, &chunk->task);
    }
    crew_work_together(&crew, end - start > CHUNK ? THREADS : 1);
    crew_done(&crew);
}

/* ---- all together */

static void set_codes(struct removal *removal, size_t start, int code)
{
    for (size_t i = start; i < removal->len; i++)
        if (removal->items[i].kind != REMOVE_LIVE)
            removal->items[i].code = code;
}

static int run_round(struct removal *removal, size_t start, size_t *ret_end)
{
    size_t end = set_round_aside(removal, start);
    *ret_end = end;
    wait_a_moment(removal->context);
    int code = look_again(removal);
    if (code == 0) {
        delete_round(removal, start, end);
        return 0;
    }
    for (size_t i = start; i < end; i++)
        if (removal->waits[i])
            put_back(removal, i, code);
    set_codes(removal, end, code);
    return code;
}

static int run_rounds(struct removal *removal)
{
    int code = 0;
    size_t start = 0;
    while (code == 0 && start < removal->len)
        code = run_round(removal, start, &start);
    /* The items tell what became of them. */
    return code == ERR_CANCELLED || atomic_load(&removal->freed_bytes) > 0 ? 0 : code;
}

static bool wants_blobs(const struct removal *removal)
{
    for (size_t i = 0; i < removal->len; i++)
        if (removal->items[i].kind != REMOVE_INGEST)
            return true;
    return false;
}

static int begin(struct removal *removal)
{
    const struct remove_context *context = removal->context;
    int cache_fd = removal->aside.cache_fd;
    int code = wants_blobs(removal) ? remove_check_layout(context, cache_fd, removal->err) : 0;
    if (code == 0) /* what an earlier bilge set aside; a build may be about to need it */
        code = aside_return_all(&removal->aside, removal->err);
    if (code == 0)
        code = check_busy(context, cache_fd, removal->err);
    if (code == 0)
        code = drop_live(removal);
    if (code == 0)
        code = needed_check_cache(cache_fd, removal->err);
    if (code == 0)
        code = needed_look(&removal->aside, NEEDED_LIVE, NULL, &removal->before, removal->err);
    return code;
}

int remove_items(const struct remove_context *context, struct remove_item *items, size_t len,
                 struct err *err)
{
    struct removal removal = {.context = context, .items = items, .len = len, .err = err};
    atomic_init(&removal.freed_bytes, 0);
    for (size_t i = 0; i < len; i++)
        items[i].freed_bytes = 0;
    int code = aside_open(context->root_fd, context->name, context->dev, context->ino,
                          &removal.aside, err);
    if (code < 0) {
        set_codes(&removal, 0, code);
        set_live_codes(&removal, code);
        return code;
    }
    set_live_codes(&removal, ERR_CANCELLED);
    code = begin(&removal);
    if (code < 0) {
        set_codes(&removal, 0, code);
        if (!is_dropping_done(&removal))
            set_live_codes(&removal, code);
    } else {
        removal.waits = mem_zalloc(len * sizeof *removal.waits);
        code = run_rounds(&removal);
    }
    int left = aside_close(&removal.aside, code == 0 ? err : NULL);
    code = code == 0 ? left : code;
    cache_free(removal.before);
    cache_free(removal.after);
    free(removal.waits);
    return code;
}

/* Whole cache directories. */

/* No reader misses a directory without a file in it. What comes into it
 * meanwhile stays. */
static int remove_if_empty(const struct remove_context *context, int64_t *freed_bytes,
                           struct err *err)
{
    const struct unlink_options options = {.directories_only = true, .ino = context->ino};
    struct cache *now = scan_cache(context->root_fd, context->root_path, context->name, NULL);
    bool empty = now->state == CACHE_EMPTY && now->ino == context->ino;
    cache_free(now);
    if (!empty)
        return err_set(err, ERR_FOREIGN, "%s is no cache directory", context->name);
    return unlink_tree(context->root_fd, context->name, &options, freed_bytes, err);
}

static int check(const struct remove_context *context, int cache_fd, struct err *err)
{
    int code = check_foreign(cache_fd, context->name, err);
    if (code == 0)
        code = needed_check_cache(cache_fd, err);
    if (code == 0)
        code = check_export(context, cache_fd, err);
    if (code == 0)
        code = check_busy(context, cache_fd, err);
    if (code == 0 && is_cancelled(context))
        code = err_set(err, ERR_CANCELLED, "stopped");
    return code;
}

/* Gives the directory a name that no reader looks for, and that recovery knows. */
static int rename_aside(const struct remove_context *context, int cache_fd,
                        char ret_away[NOTE_NAME_SIZE], struct err *err)
{
    struct fs_stat moved, wanted;
    int code = fs_stat_fd(cache_fd, &wanted, err);
    if (code == 0)
        code = note_away_name(context->name, wanted.ino, ret_away, err);
    if (code == 0)
        code = note_write(cache_fd, context->name, wanted.ino, err);
    if (code < 0)
        return code;
    code = fs_move(context->root_fd, context->name, context->root_fd, ret_away);
    if (code < 0) {
        note_remove(cache_fd);
        return err_sys(err, code, "removing %s", context->name);
    }
    code = fs_stat_at(context->root_fd, ret_away, &moved, err);
    /* Nobody knows that name, but it may have been another directory all along. */
    if (code == 0 && moved.ino == wanted.ino)
        return 0;
    bool back = fs_move(context->root_fd, ret_away, context->root_fd, context->name) == 0;
    if (back || code == 0)
        note_remove(cache_fd);
    if (code == 0)
        code = err_set(err, ERR_CHANGED, "%s was replaced just now", context->name);
    if (!back)
        err_set(err, code, "%s; what had its name is now %s", err->text, ret_away);
    return code;
}

/* A build may have looked for blobs before the rename, and made the directory anew
 * since then. */
static int check_name(const struct remove_context *context, struct err *err)
{
    struct fs_stat made;
    int code = fs_look(context->root_fd, context->name, &made);
    if (code == 0)
        return err_set(err, ERR_BUSY, "%s was made anew just now", context->name);
    return code == -ENOENT ? 0 : err_sys(err, code, "looking at %s", context->name);
}

/* A build may have begun between the first look and the rename, or an export have come
 * to its end. From here on none comes in by the path. The signs come first: whoever
 * shows none any more has written index.json by then. */
static int decide(const struct remove_context *context, int cache_fd, const char *away,
                  char ret_gone[NOTE_NAME_SIZE], struct err *err)
{
    int code = check_busy(context, cache_fd, err);
    if (code == 0)
        code = check_name(context, err);
    if (code == 0)
        code = check_export(context, cache_fd, err);
    if (code == 0 && is_cancelled(context))
        code = err_set(err, ERR_CANCELLED, "stopped");
    if (code == 0)
        code = note_decide(context->root_fd, away, ret_gone, err);
    return code;
}

static void give_back(const struct remove_context *context, int cache_fd, const char *away,
                      struct err *err)
{
    struct err reason = {0};
    if (away_give_back(context->root_fd, away, cache_fd, context->name, &reason) < 0)
        err_set(err, err->code, "%s; it is still in %s/%s: %s", err->text, context->root_path, away,
                reason.text);
}

static int remove_layout(const struct remove_context *context, int cache_fd, int64_t *freed_bytes,
                         struct err *err)
{
    const struct unlink_options options = {.on_progress = context->on_progress,
                                           .arg = context->arg,
                                           .last = CACHE_NOTE,
                                           .ino = context->ino};
    char away[NOTE_NAME_SIZE], gone[NOTE_NAME_SIZE];
    struct err reason = {0};
    int code = check(context, cache_fd, err);
    if (code == 0)
        code = rename_aside(context, cache_fd, away, err);
    if (code < 0)
        return code;
    wait_a_moment(context);
    code = decide(context, cache_fd, away, gone, &reason);
    if (code < 0) {
        give_back(context, cache_fd, away, &reason);
        return err_set(err, code, "%s", reason.text);
    }
    code = unlink_tree(context->root_fd, gone, &options, freed_bytes, &reason);
    if (code < 0)
        err_set(err, code, "%s; the rest of it is in %s/%s", reason.text, context->root_path, gone);
    return code;
}

int remove_service(const struct remove_context *context, int64_t *ret_freed_bytes, struct err *err)
{
    int64_t freed = 0;
    int cache_fd = -1;
    int code =
        aside_lock(context->root_fd, context->name, context->dev, context->ino, &cache_fd, err);
    if (code < 0)
        return code;
    int found = cache_find_layout(cache_fd);
    if (found < 0)
        code = err_sys(err, found, "looking at %s", context->name);
    else if (found > 0)
        code = remove_layout(context, cache_fd, &freed, err);
    else
        code = remove_if_empty(context, &freed, err);
    /* One without a file says nothing of what it is. */
    if (code == ERR_FOREIGN && remove_if_empty(context, &freed, NULL) == 0)
        code = 0;
    close(cache_fd);
    *ret_freed_bytes = freed;
    return code;
}
