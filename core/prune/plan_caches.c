#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/cache/busy.h"
#include "core/oci/layout.h"
#include "core/prune/planner.h"

/* one row of the store's services under work. */

#define LOOK_NAME_COLUMNS 60

struct look {
    struct planner *planner;
    const struct service *row;
    const struct cache *cache;
    uint32_t plan_cache; /* index, once an item needed it; else CACHE_NONE */
    uint32_t *links;     /* of each blob of the cache; CACHE_NONE: not yet one */
};

static struct plan_kept *look_keep(struct look *look, enum item_kind kind, const char *id,
                                   const char *title, const char *reason)
{
    struct plan_kept *kept = planner_keep(look->planner, kind, id, title, reason);
    mem_replace(&kept->service, look->row->name);
    return kept;
}

static uint32_t plan_cache_of(struct look *look)
{
    struct plan *plan = look->planner->plan;
    if (look->plan_cache != CACHE_NONE)
        return look->plan_cache;
    mem_reserve((void **)&plan->caches, &plan->caches_cap, plan->caches_len + 1,
                sizeof *plan->caches);
    look->plan_cache = (uint32_t)plan->caches_len++;
    plan->caches[look->plan_cache] = (struct plan_cache){
        .root = path_parent(look->cache->path),
        .name = mem_strdup(look->cache->name),
        .dev = look->cache->dev,
        .ino = look->cache->ino,
    };
    return look->plan_cache;
}

static struct plan_item *look_add(struct look *look, enum item_kind kind, const char *id,
                                  const char *title)
{
    struct plan_item *item = planner_add(look->planner, kind, id, title);
    item->service_id = mem_strdup(look->row->id);
    item->service = mem_strdup(look->row->name);
    item->cache = plan_cache_of(look);
    item->dev = look->cache->dev;
    return item;
}

static uint32_t link_of(struct look *look, uint32_t blob_index)
{
    struct plan *plan = look->planner->plan;
    const struct cache_blob *blob = &look->cache->blobs[blob_index];
    if (look->links[blob_index] != CACHE_NONE)
        return look->links[blob_index];
    mem_reserve((void **)&plan->links, &plan->links_cap, plan->links_len + 1, sizeof *plan->links);
    look->links[blob_index] = (uint32_t)plan->links_len;
    plan->links[plan->links_len++] = (struct plan_link){
        .digest = blob->digest,
        .cache = plan_cache_of(look),
        .needed = blob->generations > 0 ? blob->generations : 1,
        .nlink = blob->nlink,
        .ino = blob->ino,
        .modified_at = blob->modified_at,
        .allocated_bytes = blob->allocated_bytes,
    };
    return look->links[blob_index];
}

/* The item takes the blob along; item->links must have room. */
static void look_add_link(struct look *look, struct plan_item *item, uint32_t blob_index)
{
    item->links[item->links_len++] = link_of(look, blob_index);
}

/* "superseded 3 h ago"; the caller frees it. */
static char *look_since(const char *what, int64_t age_s)
{
    char age[TEXT_AGE_SIZE];
    return age_s < 0 ? mem_strdup(what) : mem_printf("%s %s ago", what, text_age(age, age_s));
}

/* A sign that somebody may be exporting; NULL: none, or told not to mind. */
static const char *look_busy_sign(const struct look *look)
{
    const struct planner *planner = look->planner;
    const char *sign = service_busy_sign(look->row);
    if (planner->query->now)
        return NULL;
    if (sign == NULL)
        sign = planner->store->building_client;
    return sign != NULL ? sign : planner->build_sign;
}

/* What of a cache directory goes in parts: older generations, orphans, ingest
 * leftovers. A live generation is never thinned. */

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
    assert(!generation->live);
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

/* Of several live generations those that `dropped` marks: index.json names them no
 * longer, and what only they reach goes. False, and nothing is planned, when it
 * can't be so: the index always names a generation, and whole ones only. */
static bool look_plan_live(struct look *look, const bool *dropped, const char *reason)
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
    struct plan_kept *kept = look_keep(
        look, ITEM_GENERATION, digest_text(id, &generation->manifest), "current export", reason);
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
                      sign != NULL
                          ? sign
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
    assert(blob->class == BLOB_ORPHAN && blob->generations == 0);
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

/* Generations, orphans and leftovers of the row. */
static void look_plan_garbage(struct look *look)
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

/* What of the cache directories goes as a whole; the rest is plan_garbage.c's. */

/* When its age begins: at the last export, or with what is newest in a cache that
 * never had one. 0: not known. */
static int64_t last_written_at(const struct cache *cache)
{
    return cache->last_export_at > 0 ? cache->last_export_at : cache_written_at(cache);
}

static char *say_exported(const struct look *look, int64_t age_s)
{
    return look->cache->last_export_at > 0 ? look_since("last export", age_s)
                                           : mem_strdup("never exported to");
}

/* Of a directory that is not this project's: whose it may be. */
static char *say_outside(const struct look *look)
{
    const struct store *store = look->planner->store;
    const struct known_cache *known = service_known_as(store, look->row);
    if (known != NULL && store->project == NULL)
        return mem_printf("project %s uses it (%s)", known->project, known->file);
    if (known != NULL)
        return mem_printf("not in this project, but project %s uses it (%s)", known->project,
                          known->file);
    return store->project != NULL ? mem_strdup("not in this project") : NULL;
}

static char *whole_reason(const struct look *look, int64_t age_s)
{
    bool abandoned = service_is_abandoned(look->planner->store, look->row, look->planner->now);
    char *exported = say_exported(look, age_s);
    char *outside = look->row->in_project ? NULL : say_outside(look);
    if (outside == NULL && !abandoned)
        return exported;
    char *reason = abandoned ? mem_printf("abandoned (%s): no project is known to use it", exported)
                             : mem_printf("%s; %s", outside, exported);
    free(outside);
    free(exported);
    return reason;
}

/* Nothing that may be somebody's current cache goes unless somebody asks for it. */
bool planner_takes_whole(const struct planner *planner, const struct service *row)
{
    const struct query *query = planner->query;
    if (query->services_len > 0 || query->all)
        return true;
    if (row->cache == NULL || row->cache->state == CACHE_BROKEN)
        return false;
    if (row->guessed)
        return false;
    return row->in_project ? query->live : service_is_abandoned(planner->store, row, planner->now);
}

/* Why planner_takes_whole() says no. The caller frees it. */
static char *say_not_taken(const struct look *look, int64_t age_s)
{
    const struct store *store = look->planner->store;
    if (look->cache->state == CACHE_BROKEN)
        return mem_strdup("it is broken: spared unless it is named (or --all)");
    if (look->row->guessed)
        return mem_strdup("it has the name of a service of this project, which does not name it: "
                          "spared unless it is named (or --all)");
    if (look->row->in_project)
        return mem_strdup("current cache of this project: spared unless it is named (or --live, "
                          "--all; Y on the screen)");
    char *outside = say_outside(look), *exported = say_exported(look, age_s);
    const char *unknown = store->known_error;
    char *reason =
        mem_printf("%s; %s%s%s: spared unless it is named (or --all)",
                   outside != NULL ? outside : "no project is loaded, so it may be in use",
                   exported, unknown != NULL ? "; " : "", unknown != NULL ? unknown : "");
    free(outside);
    free(exported);
    return reason;
}

static char *whole_loses(const struct look *look)
{
    const struct service *row = look->row;
    if (look->cache->state == CACHE_EMPTY || look->cache->generations_len == 0)
        return NULL;
    struct buf names = {0};
    char *name = text_shorten(row->name, LOOK_NAME_COLUMNS);
    buf_append_str(&names, name);
    free(name);
    for (size_t i = 0; i < row->same_path_len; i++) {
        name = text_shorten(row->same_path[i], LOOK_NAME_COLUMNS);
        buf_printf(&names, "%s%s", i + 1 < row->same_path_len ? ", " : " and ", name);
        free(name);
    }
    char *loses = mem_printf("the next build of %s starts from the engine's own cache or from "
                             "scratch",
                             names.data);
    buf_done(&names);
    return loses;
}

/* What is set aside is put back before anything goes: the directory that it waits in
 * is gone by then, and so are temporary files of ours. */
static int64_t finished_before(const struct cache *cache)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < cache->leftovers_len; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        if (strcmp(leftover->name, CACHE_ASIDE) == 0 || cache_is_ours(leftover->name))
            bytes += leftover->own_bytes;
    }
    return bytes;
}

static void add_whole(struct look *look, int64_t age_s)
{
    const struct cache *cache = look->cache;
    struct plan_item *item = look_add(look, ITEM_SERVICE, look->row->id, look->row->name);
    item->size_bytes = cache->size_bytes;
    item->base_bytes = cache->size_bytes - cache->shared_bytes - finished_before(cache);
    item->age_s = age_s;
    item->ino = cache->ino;
    item->seen_at = cache->last_export_at;
    item->reason = whole_reason(look, age_s);
    item->loses = whole_loses(look);
    /* Blobs with one link are in base_bytes for certain. */
    item->links = mem_alloc(cache->blobs_len * sizeof *item->links);
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (cache->blobs[i].nlink > 1)
            look_add_link(look, item, (uint32_t)i);
}

/* At the top, or blobs of an algorithm that a cache has none of. */
static bool is_stranger(const struct cache_leftover *leftover)
{
    return leftover->kind == LEFTOVER_OTHER &&
           (strchr(leftover->name, '/') == NULL ||
            strncmp(leftover->name, "blobs/sha256/", strlen("blobs/sha256/")) != 0);
}

/* Somebody may have exported into a directory of his own: what else lies in it
 * is not bilge's to remove. Gives the reason; NULL: nothing else does. */
static char *find_stranger(const struct cache *cache)
{
    for (size_t i = 0; i < cache->leftovers_len; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        if (!is_stranger(leftover))
            continue;
        char *name = text_shorten(leftover->name, LOOK_NAME_COLUMNS);
        char *reason = mem_printf("it holds %s, which is no part of a cache", name);
        free(name);
        return reason;
    }
    return NULL;
}

static struct plan_kept *keep_whole(struct look *look, const char *reason, bool busy)
{
    struct plan_kept *kept = look_keep(look, ITEM_SERVICE, look->row->id, look->row->name, reason);
    kept->size_bytes = look->cache->size_bytes;
    kept->busy = busy;
    return kept;
}

/* ------------------------------------------------- directories of several services */

/* The services that share the directory and were not named. */
static struct strlist find_unnamed(const struct look *look)
{
    const struct service *row = look->row;
    struct strlist names = {0};
    for (size_t i = 0; i < row->users_len; i++) {
        const struct service_user *user = &row->users[i];
        if (service_user_shares(row, user) && !strlist_has(&look->planner->named, user->name) &&
            !strlist_has(&names, user->name))
            strlist_add(&names, user->name);
    }
    return names;
}

/* Is the tag that of services that were named, and of no other? */
static bool is_own_tag(const struct look *look, const char *tag, size_t len)
{
    const struct service *row = look->row;
    bool own = false;
    for (size_t i = 0; i < row->users_len; i++) {
        const struct service_user *user = &row->users[i];
        if (!service_user_shares(row, user) || strlen(user->tag) != len ||
            strncmp(user->tag, tag, len) != 0)
            continue;
        if (!strlist_has(&look->planner->named, user->name))
            return false;
        own = true;
    }
    return own;
}

/* All of its tags. */
static bool is_own_generation(const struct look *look, const struct cache_generation *generation)
{
    const char *tag, *next = generation->tag;
    size_t len;
    bool own = generation->live && next != NULL;
    while (own && (tag = cache_next_tag(&next, &len)) != NULL)
        own = is_own_tag(look, tag, len);
    return own;
}

static char *join_names(const struct strlist *names)
{
    struct buf joined = {0};
    for (size_t i = 0; i < names->len; i++) {
        char *name = text_shorten(names->items[i], LOOK_NAME_COLUMNS);
        buf_printf(&joined, "%s%s", i > 0 ? ", " : "", name);
        free(name);
    }
    return buf_take(&joined);
}

/* The tags of those who were named go, when they have tags of their own. */
static bool plan_own_tags(struct look *look, const char *others)
{
    const struct cache *cache = look->cache;
    bool *dropped = mem_zalloc(cache->generations_len + 1), any = false;
    for (size_t i = 0; i < cache->generations_len; i++) {
        dropped[i] = is_own_generation(look, &cache->generations[i]);
        any |= dropped[i];
    }
    char *reason = mem_printf("its own tag; the directory is shared with %s", others);
    bool planned = any && look_plan_live(look, dropped, reason);
    free(reason);
    free(dropped);
    return planned;
}

/* True when the row is dealt with: other services have their cache there, too. */
static bool plan_shared(struct look *look, const char *sign)
{
    struct strlist unnamed = {0};
    if (look->planner->query->services_len > 0)
        unnamed = find_unnamed(look);
    if (unnamed.len == 0)
        return false;
    char *others = join_names(&unnamed);
    if (sign != NULL) {
        keep_whole(look, sign, true);
    } else if (!plan_own_tags(look, others)) {
        char *reason =
            mem_printf("it shares its directory with %s: all of them must be named", others);
        keep_whole(look, reason, false);
        free(reason);
    }
    free(others);
    strlist_done(&unnamed);
    return true;
}

/* ------------------------------------------------------------- whole directories */

/* Its garbage may go all the same. */
static void keep_not_taken(struct look *look, int64_t age_s)
{
    const struct cache *cache = look->cache;
    bool asked = age_s < 0 || planner_wants(look->planner, age_s, cache->size_bytes);
    bool current = cache->live_bytes > 0 || cache->state == CACHE_BROKEN;
    if (!asked || (look->row->in_project && !current))
        return;
    char *reason = say_not_taken(look, age_s);
    struct plan_kept *kept = keep_whole(look, reason, false);
    if (cache->live_bytes > 0)
        kept->size_bytes = cache->live_bytes;
    free(reason);
}

/* True when the row is dealt with: nothing smaller of it is to be listed. */
static bool plan_whole(struct look *look)
{
    const struct cache *cache = look->cache;
    const char *sign = look_busy_sign(look);
    int64_t age_s = planner_age(look->planner, last_written_at(cache));
    if (!planner_takes_whole(look->planner, look->row)) {
        keep_not_taken(look, age_s);
        return false;
    }
    if (age_s < 0 && look->planner->query->older_than_s >= 0) {
        keep_whole(look, "its age is not known", false);
        return true;
    }
    if (!planner_wants(look->planner, age_s, cache->size_bytes))
        return false;
    if (plan_shared(look, sign))
        return true;
    char *stranger = find_stranger(cache);
    if (stranger == NULL && sign == NULL)
        add_whole(look, age_s);
    else
        keep_whole(look, stranger != NULL ? stranger : sign, stranger == NULL);
    free(stranger);
    return true;
}

/* ---------------------------------------------------------------- each row */

/* Chosen by its age, its size or the room that it would make, and not by name. */
static bool is_automatic(const struct query *query)
{
    return query->services_len == 0 && query->ids_len == 0 &&
           (query->free_bytes > 0 || query->older_than_s >= 0 || query->larger_than_bytes > 0 ||
            query->smaller_than_bytes > 0);
}

/* True when a broken cache is dealt with. Its age and its garbage follow from what is
 * damaged: they are nothing to choose it by. */
static bool keep_broken(struct look *look)
{
    const struct query *query = look->planner->query;
    if (look->cache->state != CACHE_BROKEN || !is_automatic(query))
        return false;
    if (query->whole || query->free_bytes == 0)
        look_keep(look, ITEM_SERVICE, look->row->id, look->row->name,
                  "it is broken: repair it, or name it to delete it")
            ->size_bytes = look->cache->size_bytes;
    return true;
}

static void look_at(struct look *look)
{
    const struct query *query = look->planner->query;
    const struct cache *cache = look->cache;
    const char *why_not = cache_untouchable(cache);
    if (cache->state == CACHE_MISSING) {
        if (query->services_len > 0)
            look_keep(look, ITEM_SERVICE, look->row->id, look->row->name,
                      "there is no such directory yet");
        return;
    }
    if (why_not != NULL) {
        /* What is no cache has no garbage; what can't be read may have some. */
        bool unread =
            cache->state == CACHE_UNREADABLE && (query->services_len > 0 || !look->row->elsewhere);
        if (query->whole || query->services_len > 0 || (unread && query->ids_len == 0))
            keep_whole(look, why_not, false)->unread = unread;
        return;
    }
    if (keep_broken(look))
        return;
    if (query->whole && plan_whole(look))
        return;
    if (query->garbage || query->keep_generations > 0 || query->ids_len > 0)
        look_plan_garbage(look);
}

static void look_at_row(struct planner *planner, const struct service *row)
{
    struct look look = {
        .planner = planner, .row = row, .cache = row->cache, .plan_cache = CACHE_NONE};
    if (row->cache == NULL) {
        if (planner->query->services_len > 0 && row->load == LOAD_PENDING)
            look_keep(&look, ITEM_SERVICE, row->id, row->name, "it was not looked at yet");
        else if (planner->query->services_len > 0 && row->path == NULL)
            look_keep(&look, ITEM_SERVICE, row->id, row->name, "it has no local cache of its own");
        return;
    }
    look.links = mem_alloc(row->cache->blobs_len * sizeof *look.links);
    for (size_t i = 0; i < row->cache->blobs_len; i++)
        look.links[i] = CACHE_NONE;
    look_at(&look);
    free(look.links);
}

void planner_caches(struct planner *planner)
{
    for (size_t i = 0; i < planner->store->services_len; i++)
        if (planner->chosen[i])
            look_at_row(planner, &planner->store->services[i]);
}
