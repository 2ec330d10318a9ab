/* What of a cache directory goes in parts: older generations, orphans, ingest
 * leftovers. A live generation is never thinned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/cache/busy.h"
#include "core/prune/look.h"

/* ------------------------------------------------------- older generations */

static bool has_live(const struct cache *cache)
{
    return cache->generations_len > 0 && cache->generations[0].live;
}

/* How many of the older ones stay by their number alone. */
static size_t older_to_keep(const struct look *look)
{
    int asked = look->planner->query->keep_generations;
    return asked == 0 ? 0 : (size_t)asked - has_live(look->cache);
}

static struct plan_item *put_generation(struct look *look, size_t index, const char *title)
{
    const struct cache_generation *generation = &look->cache->generations[index];
    char id[DIGEST_TEXT_SIZE];
    struct plan_item *item =
        look_add(look, ITEM_GENERATION, digest_text(id, &generation->manifest), title);
    item->age_s = planner_age(look->planner, generation->exported_at);
    item->size_bytes = generation->reach_bytes;
    item->seen_at = generation->exported_at;
    item->links = mem_alloc(generation->blobs_len * sizeof *item->links);
    for (size_t i = 0; i < generation->blobs_len; i++)
        look_add_link(look, item, generation->blobs[i]);
    uint32_t manifest = cache_find_blob(look->cache, &generation->manifest);
    if (manifest != CACHE_NONE)
        item->ino = look->cache->blobs[manifest].ino;
    return item;
}

static void add_generation(struct look *look, size_t index, const char *title)
{
    const struct cache_generation *generation = &look->cache->generations[index];
    struct plan_item *item = put_generation(look, index, title);
    int64_t superseded_at = index > 0 ? look->cache->generations[index - 1].exported_at : 0;
    item->reason = look_since("superseded", planner_age(look->planner, superseded_at));
    item->loses = generation->whole ? mem_strdup("this state can't be restored any more") : NULL;
}

/* ---------------------------------------------- of several live ones, some */

static bool leaves_whole_ones(const struct cache *cache, const bool *dropped)
{
    size_t left = 0;
    for (size_t i = 0; i < cache->generations_len; i++) {
        if (!cache->generations[i].live || dropped[i])
            continue;
        if (!cache->generations[i].whole)
            return false;
        left++;
    }
    return left > 0 && !cache->live_unknown && cache->state != CACHE_BROKEN;
}

bool look_plan_live(struct look *look, const bool *dropped, const char *reason)
{
    const struct cache *cache = look->cache;
    if (!leaves_whole_ones(cache, dropped))
        return false;
    for (size_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (!generation->live || !dropped[i])
            continue;
        char *title = generation->tag != NULL
                          ? mem_printf("current export, tag %s", generation->tag)
                          : mem_strdup("current export, without a tag");
        struct plan_item *item = put_generation(look, i, title);
        item->live = true;
        item->reason = mem_strdup(reason);
        item->loses = mem_strdup("builds that import this tag start from the engine's own cache or "
                                 "from scratch");
        free(title);
    }
    return true;
}

static void keep_live(struct look *look, size_t index, const char *reason, bool busy)
{
    const struct cache_generation *generation = &look->cache->generations[index];
    char id[DIGEST_TEXT_SIZE];
    struct plan_kept *kept = look_keep(look, ITEM_GENERATION,
                                       digest_text(id, &generation->manifest), "current export",
                                       reason);
    kept->size_bytes = generation->unique_bytes;
    kept->busy = busy;
}

/* Live ones that were asked for by their manifests. */
static void plan_named_live(struct look *look, const char *sign)
{
    const struct cache *cache = look->cache;
    bool *dropped = mem_zalloc(cache->generations_len + 1), any = false;
    char id[DIGEST_TEXT_SIZE];
    for (size_t i = 0; i < cache->generations_len; i++) {
        dropped[i] = cache->generations[i].live &&
                     planner_names(look->planner, digest_text(id, &cache->generations[i].manifest));
        any |= dropped[i];
    }
    bool planned = any && sign == NULL &&
                   look_plan_live(look, dropped, "asked for; other exports of the directory stay");
    for (size_t i = 0; i < cache->generations_len && !planned; i++)
        if (dropped[i])
            keep_live(look, i,
                      sign != NULL ? sign
                                   : "the directory has no other current export that is whole: only "
                                     "the whole directory can go",
                      sign != NULL);
    free(dropped);
}

/* What a restore would turn to; NULL: nothing speaks for keeping it. */
static const char *why_kept(const struct cache *cache, const struct cache_generation *generation,
                            size_t back)
{
    if (generation->fuller)
        return "the live generation is a shrunken re-export of it: it can be restored";
    if (back == 1 && generation->whole && !has_live(cache))
        return "nothing is live here: the cache can be restored to it";
    return NULL;
}

/* `back`: 1 is the newest of the older ones. */
static void plan_generation(struct look *look, size_t index, size_t back)
{
    const struct cache_generation *generation = &look->cache->generations[index];
    char id[DIGEST_TEXT_SIZE], title[48];
    snprintf(title, sizeof title, "%zu generation%s back", back, back == 1 ? "" : "s");
    digest_text(id, &generation->manifest);
    if (!planner_names(look->planner, id) || back <= older_to_keep(look) ||
        !planner_wants(look->planner, planner_age(look->planner, generation->exported_at),
                       generation->reach_bytes))
        return;
    const char *reason = why_kept(look->cache, generation, back);
    if (reason != NULL)
        look_keep(look, ITEM_GENERATION, id, title, reason)->size_bytes = generation->unique_bytes;
    else
        add_generation(look, index, title);
}

static void plan_generations(struct look *look)
{
    size_t back = 0;
    for (size_t i = 0; i < look->cache->generations_len; i++)
        if (!look->cache->generations[i].live)
            plan_generation(look, i, ++back);
}

/* ------------------------------------------------- orphans and leftovers */

static const char *blob_title(const struct cache_blob *blob)
{
    switch (blob->role) {
    case BLOB_LAYER:
        return "layer without a manifest";
    case BLOB_CONFIG:
        return "cache config without a manifest";
    case BLOB_MANIFEST:
        return "manifest that nothing names";
    default:
        return "blob without a manifest";
    }
}

static void plan_orphan(struct look *look, size_t index)
{
    const struct cache_blob *blob = &look->cache->blobs[index];
    char id[DIGEST_TEXT_SIZE];
    int64_t age_s = planner_age(look->planner, blob->modified_at);
    if (!planner_names(look->planner, digest_text(id, &blob->digest)) ||
        !planner_wants(look->planner, age_s, blob->allocated_bytes))
        return;
    struct plan_item *item = look_add(look, ITEM_BLOB, id, blob_title(blob));
    item->age_s = age_s;
    item->reason = look_since("no manifest names it, written", age_s);
    item->size_bytes = blob->allocated_bytes;
    item->ino = blob->ino;
    item->seen_at = blob->modified_at;
    item->links = mem_alloc(sizeof *item->links);
    look_add_link(look, item, (uint32_t)index);
}

static void plan_ingest(struct look *look, const struct cache_leftover *leftover)
{
    int64_t age_s = planner_age(look->planner, leftover->modified_at);
    const char *title = "unfinished write of an interrupted export";
    if (look->planner->query->ids_len > 0 ||
        !planner_wants(look->planner, age_s, leftover->allocated_bytes))
        return;
    if (age_s < BUSY_GRACE_SECONDS) {
        struct plan_kept *kept =
            look_keep(look, ITEM_INGEST, leftover->name, title, "written to a moment ago");
        kept->size_bytes = leftover->allocated_bytes;
        kept->busy = true;
        return;
    }
    struct plan_item *item = look_add(look, ITEM_INGEST, leftover->name, title);
    item->age_s = age_s;
    item->reason = look_since("last written to", age_s);
    item->size_bytes = item->base_bytes = leftover->allocated_bytes;
    item->ino = leftover->ino;
    item->seen_at = leftover->modified_at;
}

static bool is_generation(const struct cache *cache, const struct digest *digest)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (digest_equal(&cache->generations[i].manifest, digest))
            return true;
    return false;
}

/* Blobs that were asked for by name and are no items of their own. */
static void keep_named_blobs(struct look *look)
{
    char id[DIGEST_TEXT_SIZE];
    for (size_t i = 0; i < look->cache->blobs_len; i++) {
        const struct cache_blob *blob = &look->cache->blobs[i];
        bool live = blob->class == BLOB_LIVE;
        digest_text(id, &blob->digest);
        if (blob->class == BLOB_ORPHAN || !planner_names(look->planner, id) ||
            is_generation(look->cache, &blob->digest))
            continue;
        look_keep(look, ITEM_BLOB, id, "blob",
                  live ? "the live generation needs it"
                       : "it goes with the generations that need it")
            ->size_bytes = blob->allocated_bytes;
    }
}

/* All that was asked of this cache's garbage stays. */
static void keep_garbage(struct look *look, const char *reason, bool busy)
{
    const struct cache *cache = look->cache;
    char id[DIGEST_TEXT_SIZE];
    if (look->planner->query->ids_len == 0) {
        struct plan_kept *kept =
            look_keep(look, ITEM_SERVICE, look->row->id, "its garbage", reason);
        kept->size_bytes = cache_garbage_bytes(cache);
        kept->busy = busy;
        return;
    }
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        bool generation = is_generation(cache, &blob->digest);
        digest_text(id, &blob->digest);
        if (blob->class == BLOB_LIVE || (blob->class == BLOB_OLDER && !generation) ||
            !planner_names(look->planner, id))
            continue;
        struct plan_kept *kept = look_keep(look, generation ? ITEM_GENERATION : ITEM_BLOB, id,
                                           generation ? "older generation" : "blob", reason);
        kept->size_bytes = blob->allocated_bytes;
        kept->busy = busy;
    }
}

/* When what is live is not known, or lacks something, the older blobs are what
 * the cache can be restored from. */
static bool is_damaged(const struct cache *cache)
{
    bool damaged = cache->live_unknown;
    for (size_t i = 0; i < cache->problems_len; i++)
        damaged |=
            cache->problems[i].kind != PROBLEM_FOREIGN && cache->problems[i].kind != PROBLEM_INDEX;
    for (size_t i = 0; i < cache->generations_len; i++)
        damaged |= cache->generations[i].live && !cache->generations[i].whole;
    return damaged;
}

/* By what there is, not by its bytes: small files may take none. */
static bool has_garbage(const struct cache *cache)
{
    bool found = false;
    for (size_t i = 0; i < cache->generations_len; i++)
        found |= !cache->generations[i].live;
    for (size_t i = 0; i < cache->blobs_len; i++)
        found |= cache->blobs[i].class == BLOB_ORPHAN;
    for (size_t i = 0; i < cache->leftovers_len; i++)
        found |= cache->leftovers[i].kind == LEFTOVER_INGEST;
    return found;
}

static void plan_blobs(struct look *look)
{
    const struct query *query = look->planner->query;
    if (is_damaged(look->cache)) {
        keep_garbage(look, "the cache is damaged: it may have to be restored from this", false);
        return;
    }
    plan_generations(look);
    for (size_t i = 0; i < look->cache->blobs_len; i++)
        if (look->cache->blobs[i].class == BLOB_ORPHAN &&
            (query->garbage || query->keep_generations == 0))
            plan_orphan(look, i);
}

void look_plan_garbage(struct look *look)
{
    const struct query *query = look->planner->query;
    const char *sign = look_busy_sign(look);
    if (query->ids_len > 0) {
        keep_named_blobs(look);
        plan_named_live(look, sign);
    }
    if (!has_garbage(look->cache))
        return;
    if (sign != NULL) {
        keep_garbage(look, sign, true);
        return;
    }
    plan_blobs(look);
    for (size_t i = 0; i < look->cache->leftovers_len && !look->cache->live_unknown; i++)
        if (query->garbage && look->cache->leftovers[i].kind == LEFTOVER_INGEST)
            plan_ingest(look, &look->cache->leftovers[i]);
}
