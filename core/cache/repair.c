/* The order of a repair: first index.json is pointed at what is whole, and
 * only then do damaged blobs go. A kill in between leaves a valid cache. */
#include "core/cache/verify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/index.h"
#include "core/cache/restore.h"

struct repair {
    const struct remove_context *context;
    const struct cache *cache;
    const struct verify_result *result;
    struct digest *usable; /* live generations that are whole and undamaged */
    size_t usable_len;
    size_t live_len;
};

static bool is_damaged(const struct repair *repair, const struct cache_blob *blob)
{
    for (size_t i = 0; i < repair->result->problems_len; i++) {
        const struct cache_problem *problem = &repair->result->problems[i];
        if (problem->has_digest && digest_equal(&problem->digest, &blob->digest))
            return true;
    }
    return false;
}

static bool is_usable(const struct repair *repair, const struct cache_generation *generation)
{
    if (!generation->whole)
        return false;
    for (size_t i = 0; i < generation->blobs_len; i++)
        if (is_damaged(repair, &repair->cache->blobs[generation->blobs[i]]))
            return false;
    return true;
}

static void find_usable(struct repair *repair)
{
    const struct cache *cache = repair->cache;
    repair->usable = mem_alloc((cache->generations_len + 1) * sizeof *repair->usable);
    for (size_t i = 0; i < cache->generations_len; i++) {
        if (!cache->generations[i].live)
            continue;
        repair->live_len++;
        if (is_usable(repair, &cache->generations[i]))
            repair->usable[repair->usable_len++] = cache->generations[i].manifest;
    }
}

/* Some problems concern no generation, such as a foreign file, or an entry of
 * index.json that leads nowhere: the latter must go too. */
static bool index_is_sound(const struct repair *repair)
{
    for (size_t i = 0; i < repair->result->problems_len; i++) {
        enum problem_kind kind = repair->result->problems[i].kind;
        if (kind == PROBLEM_INDEX || kind == PROBLEM_MISSING || kind == PROBLEM_SIZE)
            return false;
    }
    return true;
}

static int keep_usable(const struct repair *repair, struct err *err)
{
    int cache_fd,
        code = fs_open_dir(repair->context->root_fd, repair->context->name, &cache_fd, err);
    if (code < 0)
        return code;
    code = index_keep(cache_fd, repair->usable, repair->usable_len, err);
    close(cache_fd);
    return code;
}

/* Goes back to the newest older generation that is whole in its content too.
 * ERR_FORMAT when there is none. */
static int fall_back(struct repair *repair, struct err *err)
{
    const struct cache *cache = repair->cache;
    int code = ERR_FORMAT;
    for (size_t i = 0; i < cache->generations_len && code == ERR_FORMAT; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (generation->live || !is_usable(repair, generation))
            continue;
        code = restore_generation(repair->context, &generation->manifest, NULL, err);
        if (code == 0)
            repair->usable[repair->usable_len++] = generation->manifest;
    }
    return code == 0 ? keep_usable(repair, err) : code;
}

/* Blobs that are there and are not what their names say. */
static int remove_damaged(const struct repair *repair, struct err *err)
{
    const struct cache *cache = repair->cache;
    struct remove_item *items = mem_zalloc((cache->blobs_len + 1) * sizeof *items);
    size_t len = 0;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (is_damaged(repair, &cache->blobs[i]))
            items[len++] = (struct remove_item){.kind = REMOVE_BLOB,
                                                .digest = cache->blobs[i].digest,
                                                .ino = cache->blobs[i].ino,
                                                .modified_at = cache->blobs[i].modified_at};
    int code = len > 0 ? remove_items(repair->context, items, len, err) : 0;
    for (size_t i = 0; i < len && code == 0; i++)
        if (items[i].code < 0)
            code = err_sys(err, items[i].code, "repairing %s: a damaged blob stays",
                           repair->context->name);
    free(items);
    return code;
}

static int choose_and_act(struct repair *repair, enum repair_act *ret_act, struct err *err)
{
    int64_t freed = 0;
    int code;
    if (repair->usable_len > 0 && repair->usable_len == repair->live_len &&
        index_is_sound(repair)) {
        *ret_act = REPAIR_NOTHING;
        return 0;
    }
    if (repair->usable_len > 0) {
        *ret_act = REPAIR_TRIMMED;
        code = keep_usable(repair, err);
    } else {
        *ret_act = REPAIR_RESTORED;
        code = fall_back(repair, err);
    }
    if (code == 0)
        return remove_damaged(repair, err);
    if (code != ERR_FORMAT)
        return code;
    *ret_act = REPAIR_REMOVED;
    return remove_service(repair->context, &freed, err);
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
        return mem_strdup("no generation was whole: the directory was removed, and the next build "
                          "exports it anew");
    default:
        return mem_strdup("nothing to repair");
    }
}

int repair_cache(const struct remove_context *context, const struct verify_result *result,
                 enum repair_act *ret_act, char **ret_detail, struct err *err)
{
    struct repair repair = {.context = context, .cache = result->cache, .result = result};
    enum repair_act act = REPAIR_NOTHING;
    if (repair.cache->state == CACHE_FOREIGN)
        return err_set(err, ERR_FOREIGN, "repairing %s: this is no OCI image layout",
                       context->name);
    if (repair.cache->state == CACHE_MISSING || repair.cache->state == CACHE_UNREADABLE)
        return err_set(err, ERR_FOREIGN, "repairing %s: %s", context->name,
                       repair.cache->error != NULL ? repair.cache->error : "it is not there");
    find_usable(&repair);
    int code = result->ok ? 0 : choose_and_act(&repair, &act, err);
    if (code == 0) {
        *ret_act = act;
        *ret_detail = describe(&repair, act);
    }
    free(repair.usable);
    return code;
}
