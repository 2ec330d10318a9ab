/* What of the cache directories goes: whole ones, older generations, orphans,
 * ingest leftovers. A live generation is never thinned. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/busy.h"
#include "core/prune/planner.h"

#define NAME_COLUMNS 60

/* One row under work. */
struct look {
    struct planner *planner;
    const struct service *row;
    const struct cache *cache;
    uint32_t plan_cache; /* index, once an item needed it; else CACHE_NONE */
    uint32_t *links;     /* of each blob of the cache; CACHE_NONE: not yet one */
};

static struct plan_kept *keep(struct look *look, enum item_kind kind, const char *id,
                              const char *title, const char *reason)
{
    struct plan_kept *kept = planner_keep(look->planner, kind, id, title, reason);
    mem_replace(&kept->service, look->row->name);
    return kept;
}

/* ------------------------------------------------------------------ items */

static uint32_t plan_cache_of(struct look *look)
{
    struct plan *plan = look->planner->plan;
    const char *path = look->cache->path;
    if (look->plan_cache != CACHE_NONE)
        return look->plan_cache;
    const char *slash = strrchr(path, '/');
    size_t root_len = slash == NULL ? 0 : (size_t)(slash - path);
    mem_reserve((void **)&plan->caches, &plan->caches_cap, plan->caches_len + 1,
                sizeof *plan->caches);
    look->plan_cache = (uint32_t)plan->caches_len++;
    plan->caches[look->plan_cache] = (struct plan_cache){
        .root = root_len > 0 ? mem_strndup(path, root_len) : mem_strdup("/"),
        .name = mem_strdup(look->cache->name),
        .dev = look->cache->dev,
        .ino = look->cache->ino,
    };
    return look->plan_cache;
}

static struct plan_item *add(struct look *look, enum item_kind kind, const char *id,
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
    mem_reserve((void **)&plan->links, &plan->links_cap, plan->links_len + 1,
                sizeof *plan->links);
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

static void add_link(struct look *look, struct plan_item *item, uint32_t blob_index)
{
    item->links[item->links_len++] = link_of(look, blob_index);
}

/* "superseded 3 h ago" */
static char *since(const char *what, int64_t age_s)
{
    char age[TEXT_AGE_SIZE];
    return age_s < 0 ? mem_strdup(what) : mem_printf("%s %s ago", what, text_age(age, age_s));
}

/* ---------------------------------------------------------------- the whole */

/* When something was last written: the export, or what is newest in a cache
 * that never had one. 0: not known. */
static int64_t last_written_at(const struct cache *cache)
{
    int64_t newest = cache->last_export_at;
    for (size_t i = 0; newest == 0 && i < cache->generations_len; i++)
        newest = cache->generations[i].exported_at;
    if (newest != 0)
        return newest;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (cache->blobs[i].modified_at > newest)
            newest = cache->blobs[i].modified_at;
    for (size_t i = 0; i < cache->leftovers_len; i++)
        if (cache->leftovers[i].modified_at > newest)
            newest = cache->leftovers[i].modified_at;
    return newest;
}

static char *whole_reason(const struct look *look, int64_t age_s)
{
    const struct store *store = look->planner->store;
    char *exported = look->cache->last_export_at > 0 ? since("last export", age_s)
                                                     : mem_strdup("never exported to");
    if (look->row->in_project || store->project == NULL)
        return exported;
    char *reason = mem_printf("%s, no such service in the project", exported);
    free(exported);
    return reason;
}

static char *whole_loses(const struct look *look)
{
    const struct service *row = look->row;
    if (look->cache->state == CACHE_EMPTY || look->cache->generations_len == 0)
        return NULL;
    struct buf names = {0};
    char *name = plan_clean(row->name, NAME_COLUMNS);
    buf_append_str(&names, name);
    free(name);
    for (size_t i = 0; i < row->same_path_len; i++) {
        name = plan_clean(row->same_path[i], NAME_COLUMNS);
        buf_printf(&names, "%s%s", i + 1 < row->same_path_len ? ", " : " and ", name);
        free(name);
    }
    char *loses = mem_printf("the next build of %s starts from the engine's own cache or from "
                             "scratch",
                             names.data);
    buf_done(&names);
    return loses;
}

static void add_whole(struct look *look, int64_t age_s)
{
    const struct cache *cache = look->cache;
    struct plan_item *item = add(look, ITEM_SERVICE, look->row->id, look->row->name);
    item->size_bytes = cache->size_bytes;
    item->base_bytes = cache->size_bytes - cache->shared_bytes;
    item->age_s = age_s;
    item->ino = cache->ino;
    item->seen_at = cache->last_export_at;
    item->reason = whole_reason(look, age_s);
    item->loses = whole_loses(look);
    /* Blobs with one link are in base_bytes for certain. */
    item->links = mem_alloc(cache->blobs_len * sizeof *item->links);
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (cache->blobs[i].nlink > 1)
            add_link(look, item, (uint32_t)i);
}

/* A sign that somebody may be exporting; NULL: none, or told not to mind. */
static const char *busy_sign(const struct look *look)
{
    const struct planner *planner = look->planner;
    const char *sign = service_busy_sign(look->row);
    if (planner->query->now)
        return NULL;
    if (sign == NULL)
        sign = planner->store->building_client;
    return sign != NULL ? sign : planner->build_sign;
}

/* Somebody may have exported into a directory of his own: what else lies in it
 * is not bilge's to remove. Gives the reason; NULL: nothing else does. */
static char *find_stranger(const struct cache *cache)
{
    for (size_t i = 0; i < cache->leftovers_len; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        if (leftover->kind != LEFTOVER_OTHER || strchr(leftover->name, '/') != NULL)
            continue;
        char *name = plan_clean(leftover->name, NAME_COLUMNS);
        char *reason = mem_printf("it holds %s, which is no part of a cache", name);
        free(name);
        return reason;
    }
    return NULL;
}

/* Why the directory can't be touched at all; NULL: it can. */
static const char *untouchable(const struct cache *cache)
{
    switch (cache->state) {
    case CACHE_FOREIGN:
        return "it is no build cache (no OCI layout): not bilge's to empty";
    case CACHE_UNREADABLE:
        return cache->error != NULL ? cache->error : "it can't be read";
    default:
        return NULL;
    }
}

/* True when the row is dealt with: nothing smaller of it is to be listed. */
static bool plan_whole(struct look *look)
{
    const struct cache *cache = look->cache;
    const char *sign = busy_sign(look);
    int64_t age_s = planner_age(look->planner, last_written_at(cache));
    if (age_s < 0 && look->planner->query->older_than_s >= 0) {
        keep(look, ITEM_SERVICE, look->row->id, look->row->name,
             "its age is not known")->size_bytes = cache->size_bytes;
        return true;
    }
    if (!planner_old_enough(look->planner, age_s))
        return false;
    char *stranger = find_stranger(cache);
    if (stranger == NULL && sign == NULL) {
        add_whole(look, age_s);
        return true;
    }
    struct plan_kept *kept = keep(look, ITEM_SERVICE, look->row->id, look->row->name,
                                  stranger != NULL ? stranger : sign);
    kept->size_bytes = cache->size_bytes;
    kept->busy = stranger == NULL;
    free(stranger);
    return true;
}

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

static void add_generation(struct look *look, size_t index, const char *title)
{
    const struct cache_generation *generation = &look->cache->generations[index];
    char id[DIGEST_TEXT_SIZE];
    struct plan_item *item =
        add(look, ITEM_GENERATION, digest_text(id, &generation->manifest), title);
    int64_t superseded_at = index > 0 ? look->cache->generations[index - 1].exported_at : 0;
    item->age_s = planner_age(look->planner, generation->exported_at);
    item->reason = since("superseded", planner_age(look->planner, superseded_at));
    item->loses = generation->whole ? mem_strdup("this state can't be restored any more") : NULL;
    item->size_bytes = generation->reach_bytes;
    item->seen_at = generation->exported_at;
    item->links = mem_alloc(generation->blobs_len * sizeof *item->links);
    for (size_t i = 0; i < generation->blobs_len; i++)
        add_link(look, item, generation->blobs[i]);
    uint32_t manifest = cache_find_blob(look->cache, &generation->manifest);
    if (manifest != CACHE_NONE)
        item->ino = look->cache->blobs[manifest].ino;
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
        !planner_old_enough(look->planner, planner_age(look->planner, generation->exported_at)))
        return;
    const char *reason = why_kept(look->cache, generation, back);
    if (reason != NULL)
        keep(look, ITEM_GENERATION, id, title, reason)->size_bytes = generation->unique_bytes;
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
        !planner_old_enough(look->planner, age_s))
        return;
    struct plan_item *item = add(look, ITEM_BLOB, id, blob_title(blob));
    item->age_s = age_s;
    item->reason = since("no manifest names it, written", age_s);
    item->size_bytes = blob->allocated_bytes;
    item->ino = blob->ino;
    item->seen_at = blob->modified_at;
    item->links = mem_alloc(sizeof *item->links);
    add_link(look, item, (uint32_t)index);
}

static void plan_ingest(struct look *look, const struct cache_leftover *leftover)
{
    int64_t age_s = planner_age(look->planner, leftover->modified_at);
    const char *title = "unfinished write of an interrupted export";
    if (look->planner->query->ids_len > 0 || !planner_old_enough(look->planner, age_s))
        return;
    if (age_s < BUSY_GRACE_SECONDS) {
        struct plan_kept *kept =
            keep(look, ITEM_INGEST, leftover->name, title, "written to a moment ago");
        kept->size_bytes = leftover->allocated_bytes;
        kept->busy = true;
        return;
    }
    struct plan_item *item = add(look, ITEM_INGEST, leftover->name, title);
    item->age_s = age_s;
    item->reason = since("last written to", age_s);
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
            (!live && is_generation(look->cache, &blob->digest)))
            continue;
        keep(look, ITEM_BLOB, id, "blob",
             live ? "the live generation needs it" : "it goes with the generations that need it")
            ->size_bytes = blob->allocated_bytes;
    }
}

/* All that was asked of this cache's garbage stays. */
static void keep_garbage(struct look *look, const char *reason, bool busy)
{
    const struct cache *cache = look->cache;
    char id[DIGEST_TEXT_SIZE];
    if (look->planner->query->ids_len == 0) {
        struct plan_kept *kept = keep(look, ITEM_SERVICE, look->row->id, "its garbage", reason);
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
        struct plan_kept *kept = keep(look, generation ? ITEM_GENERATION : ITEM_BLOB, id,
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
        damaged |= cache->problems[i].kind != PROBLEM_FOREIGN &&
                   cache->problems[i].kind != PROBLEM_INDEX;
    for (size_t i = 0; i < cache->generations_len; i++)
        damaged |= cache->generations[i].live && !cache->generations[i].whole;
    return damaged;
}

static bool has_garbage(const struct cache *cache)
{
    return cache->older_bytes + cache->orphan_bytes + cache->ingest_bytes > 0;
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

static void plan_parts(struct look *look)
{
    const struct query *query = look->planner->query;
    const char *sign = busy_sign(look);
    if (query->ids_len > 0)
        keep_named_blobs(look);
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

/* ---------------------------------------------------------------- each row */

static void look_at(struct look *look)
{
    const struct query *query = look->planner->query;
    const struct cache *cache = look->cache;
    const char *why_not = untouchable(cache);
    if (cache->state == CACHE_MISSING) {
        if (query->services_len > 0)
            keep(look, ITEM_SERVICE, look->row->id, look->row->name,
                 "there is no such directory yet");
        return;
    }
    if (why_not != NULL) {
        if (query->whole || query->services_len > 0)
            keep(look, ITEM_SERVICE, look->row->id, look->row->name, why_not)->size_bytes =
                cache->size_bytes;
        return;
    }
    if (query->whole && plan_whole(look))
        return;
    if (query->garbage || query->keep_generations > 0 || query->ids_len > 0)
        plan_parts(look);
}

static void look_at_row(struct planner *planner, const struct service *row)
{
    struct look look = {
        .planner = planner, .row = row, .cache = row->cache, .plan_cache = CACHE_NONE};
    if (row->cache == NULL) {
        if (planner->query->services_len > 0 && row->load == LOAD_PENDING)
            keep(&look, ITEM_SERVICE, row->id, row->name, "it was not looked at yet");
        else if (planner->query->services_len > 0 && row->path == NULL)
            keep(&look, ITEM_SERVICE, row->id, row->name, "it has no local cache");
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
