/* What of the cache directories goes as a whole; the rest is plan_garbage.c's. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/look.h"

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
    char *exported = look->cache->last_export_at > 0 ? look_since("last export", age_s)
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

static void add_whole(struct look *look, int64_t age_s)
{
    const struct cache *cache = look->cache;
    struct plan_item *item = look_add(look, ITEM_SERVICE, look->row->id, look->row->name);
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

/* True when the row is dealt with: nothing smaller of it is to be listed. */
static bool plan_whole(struct look *look)
{
    const struct cache *cache = look->cache;
    const char *sign = look_busy_sign(look);
    int64_t age_s = planner_age(look->planner, last_written_at(cache));
    if (age_s < 0 && look->planner->query->older_than_s >= 0) {
        look_keep(look, ITEM_SERVICE, look->row->id, look->row->name, "its age is not known")
            ->size_bytes = cache->size_bytes;
        return true;
    }
    if (!planner_wants(look->planner, age_s, cache->size_bytes))
        return false;
    char *stranger = find_stranger(cache);
    if (stranger == NULL && sign == NULL) {
        add_whole(look, age_s);
        return true;
    }
    struct plan_kept *kept = look_keep(look, ITEM_SERVICE, look->row->id, look->row->name,
                                       stranger != NULL ? stranger : sign);
    kept->size_bytes = cache->size_bytes;
    kept->busy = stranger == NULL;
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
        if (query->whole || query->services_len > 0)
            look_keep(look, ITEM_SERVICE, look->row->id, look->row->name, why_not)->size_bytes =
                cache->size_bytes;
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
            look_keep(&look, ITEM_SERVICE, row->id, row->name, "it has no local cache");
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
