/* The order of a repair: first index.json is pointed at what is whole, and
 * only then do damaged blobs go. A kill in between leaves a valid cache. */
#include "core/cache/verify.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/aside.h"
#include "core/cache/busy.h"
#include "core/cache/restore.h"
#include "core/oci/index.h"

struct repair {
    const struct remove_context *context;
    const struct cache *cache;
    const struct verify_result *result;
    struct digest *usable; /* live generations that are whole and undamaged */
    size_t usable_len;
};

static bool is_damaged(const struct repair *repair, const struct digest *digest)
{
    for (size_t i = 0; i < repair->result->damaged_len; i++)
        if (digest_equal(&repair->result->damaged[i], digest))
            return true;
    return false;
}

static bool is_usable(const struct repair *repair, const struct cache_generation *generation)
{
    if (!generation->whole || !generation->cache)
        return false;
    for (size_t i = 0; i < generation->blobs_len; i++)
        if (is_damaged(repair, &repair->cache->blobs[generation->blobs[i]].digest))
            return false;
    return true;
}

static bool is_in_use(const struct repair *repair, const struct digest *manifest)
{
    for (size_t i = 0; i < repair->usable_len; i++)
        if (digest_equal(&repair->usable[i], manifest))
            return true;
    return false;
}

static void find_usable(struct repair *repair)
{
    const struct cache *cache = repair->cache;
    repair->usable = mem_alloc((cache->generations_len + 1) * sizeof *repair->usable);
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].live && is_usable(repair, &cache->generations[i]))
            repair->usable[repair->usable_len++] = cache->generations[i].manifest;
}

/* Some problems concern no generation, such as a foreign file, or an entry of
 * index.json that leads nowhere: the latter must go too. */
static bool index_is_sound(const struct repair *repair)
{
    const struct manifest *index = &repair->result->index;
    for (size_t i = 0; i < index->len; i++)
        if (!is_in_use(repair, &index->descriptors[i].digest))
            return false;
    return index->len > 0;
}

/* ---- may it be repaired? */

/* A manifest that makes no sense is damaged if it is not what its name says; else
 * it is sound, and of a form that only others understand. */
static bool is_understood(const struct repair *repair, const struct cache_generation *generation)
{
    if (!generation->unknown)
        return true;
    for (size_t i = 0; i < generation->blobs_len; i++) {
        const struct cache_blob *blob = &repair->cache->blobs[generation->blobs[i]];
        bool manifest =
            blob->role == BLOB_MANIFEST || digest_equal(&blob->digest, &generation->manifest);
        if (manifest && is_damaged(repair, &blob->digest))
            return true;
    }
    return false;
}

static bool all_is_understood(const struct repair *repair)
{
    const struct cache *cache = repair->cache;
    if (cache->index_unknown || repair->result->index.odd != NULL)
        return false;
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].live && !is_understood(repair, &cache->generations[i]))
            return false;
    return true;
}

static int check(const struct repair *repair, struct err *err)
{
    const struct cache *cache = repair->cache;
    const struct verify_result *result = repair->result;
    const char *why_not = cache_untouchable(cache);
    if (cache->state == CACHE_MISSING)
        return err_set(err, ERR_FOREIGN, "it is not there");
    if (why_not != NULL)
        return err_set(err, ERR_FOREIGN, "%s", why_not);
    if (result->unread > 0)
        return err_set(err, result->unread_reason.code,
                       "%zu of its blobs can't be read (%s), so nothing was changed; run as its "
                       "owner or with sudo",
                       result->unread, result->unread_reason.text);
    if (!all_is_understood(repair))
        return err_set(err, ERR_FORMAT,
                       "index.json, or a manifest that it names, is damaged or not understood, so "
                       "nothing was changed; if no build is running, remove index.json and "
                       "repair again, or delete the cache");
    return 0;
}

/* ---- index.json */

/* With the lock that keeps another bilge from removing what is about to be named. */
static int write_index(const struct repair *repair, const struct digest *manifests, size_t len,
                       bool restored, struct err *err)
{
    const struct verify_result *result = repair->result;
    struct aside aside;
    int code = aside_open(repair->context->root_fd, repair->context->name, repair->context->dev,
                          repair->context->ino, &aside, err);
    if (code < 0)
        return code;
    struct restore_look look = {.context = repair->context,
                                .cache_fd = aside.cache_fd,
                                .cache = repair->cache,
                                .manifests = manifests,
                                .len = len,
                                .touched_at = busy_touched_at(aside.cache_fd)};
    const struct index_edit edit = {.cache_fd = aside.cache_fd,
                                    .before = &result->index_file,
                                    .check = restore_last_look,
                                    .arg = &look};
    code = restored ? index_point(&edit, manifests, restore_tag(&result->index), true, err)
                    : index_keep(&edit, manifests, len, err);
    int left = aside_close(&aside, code == 0 ? err : NULL);
    return code < 0 ? code : left;
}

/* ERR_FORMAT: the content of one of its blobs is damaged. */
static int check_content(const struct repair *repair, const struct cache_generation *generation,
                         struct err *err)
{
    int cache_fd;
    int code = fs_open_dir(repair->context->root_fd, repair->context->name, &cache_fd, err);
    if (code < 0)
        return code;
    code = restore_check_content(repair->context, cache_fd, repair->cache, generation, err);
    close(cache_fd);
    return code;
}

/* The newest older generation that is whole in its content too; NULL: none is. An
 * error: one could not be read, and may be whole. */
static int find_whole(const struct repair *repair, const struct cache_generation **ret_generation,
                      struct err *err)
{
    const struct cache *cache = repair->cache;
    *ret_generation = NULL;
    for (size_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (generation->live || !is_usable(repair, generation))
            continue;
        int code = check_content(repair, generation, err);
        if (code == 0)
            *ret_generation = generation;
        if (code != ERR_FORMAT)
            return code;
    }
    return 0;
}

/* ---- what goes */

/* Blobs that are there and are not what their names say. */
static int remove_damaged(const struct repair *repair, struct err *err)
{
    const struct cache *cache = repair->cache;
    struct remove_item *items = mem_zalloc((cache->blobs_len + 1) * sizeof *items);
    size_t len = 0;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (is_damaged(repair, &cache->blobs[i].digest))
            items[len++] = (struct remove_item){.kind = REMOVE_BLOB,
                                                .digest = cache->blobs[i].digest,
                                                .ino = cache->blobs[i].ino,
                                                .modified_at = cache->blobs[i].modified_at};
    int code = len > 0 ? remove_items(repair->context, items, len, err) : 0;
    for (size_t i = 0; i < len && code == 0; i++)
        if (items[i].code < 0)
            code = err_sys(err, items[i].code, "index.json was mended, but a damaged blob stays");
    free(items);
    return code;
}

/* Something in it is no part of a cache, or not understood. */
static bool holds_foreign(const struct cache *cache)
{
    for (size_t i = 0; i < cache->problems_len; i++)
        if (cache->problems[i].kind == PROBLEM_FOREIGN)
            return true;
    return false;
}

/* Nothing in it is whole. Without an index.json nothing says that this is all that
 * there ever was. */
static int remove_all(const struct repair *repair, struct err *err)
{
    struct remove_context context = *repair->context;
    int64_t freed = 0;
    int cache_fd, code;
    context.exported_at = &repair->result->index_file.modified_at;
    if (!repair->result->index_file.exists)
        return err_set(err, ERR_FORMAT,
                       "there is no index.json and no export in it is whole, so nothing was "
                       "changed; the next build exports it anew, or delete the cache");
    if (holds_foreign(repair->cache))
        return err_set(err, ERR_FOREIGN,
                       "no export in it is whole, but something in it is no part of a cache, so "
                       "nothing was changed");
    code = fs_open_dir(context.root_fd, context.name, &cache_fd, err);
    if (code < 0)
        return code;
    code = index_check(cache_fd, &repair->result->index_file, err);
    close(cache_fd);
    return code == 0 ? remove_service(&context, &freed, err) : code;
}

static int go_back(struct repair *repair, enum repair_act *ret_act, struct err *err)
{
    const struct cache_generation *whole;
    int code = find_whole(repair, &whole, err);
    *ret_act = whole != NULL ? REPAIR_RESTORED : REPAIR_REMOVED;
    if (code == 0 && whole == NULL)
        return remove_all(repair, err);
    if (code == 0)
        code = write_index(repair, &whole->manifest, 1, true, err);
    return code == 0 ? remove_damaged(repair, err) : code;
}

static int choose_and_act(struct repair *repair, enum repair_act *ret_act, struct err *err)
{
    int code = check(repair, err);
    if (code < 0)
        return code;
    find_usable(repair);
    if (repair->usable_len == 0)
        return go_back(repair, ret_act, err);
    if (index_is_sound(repair)) {
        *ret_act = REPAIR_NOTHING;
        return 0;
    }
    *ret_act = REPAIR_TRIMMED;
    code = write_index(repair, repair->usable, repair->usable_len, false, err);
    return code == 0 ? remove_damaged(repair, err) : code;
}

static char *describe(const struct repair *repair, enum repair_act act)
{
    switch (act) {
    case REPAIR_RESTORED:
        return mem_strdup("index.json names the newest older generation that is whole");
    case REPAIR_TRIMMED:
        return mem_printf("index.json names the %zu of its manifests that are whole",
                          repair->usable_len);
    case REPAIR_REMOVED:
        return mem_strdup("no generation was whole: the directory was removed; the next build "
                          "starts without this cache and exports it anew");
    default:
        return mem_strdup("nothing to repair");
    }
}

int repair_cache(const struct remove_context *context, const struct verify_result *result,
                 enum repair_act *ret_act, char **ret_detail, struct err *err)
{
    struct repair repair = {.context = context, .cache = result->cache, .result = result};
    enum repair_act act = REPAIR_NOTHING;
    struct err reason;
    int code = result->ok ? 0 : choose_and_act(&repair, &act, &reason);
    if (code == 0) {
        *ret_act = act;
        *ret_detail = describe(&repair, act);
    } else {
        err_set(err, code, "repairing %s: %s", context->name, reason.text);
    }
    free(repair.usable);
    return code;
}
