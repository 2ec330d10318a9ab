/* What of the cache directories goes as a whole; the rest is plan_garbage.c's. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/look.h"

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
    bool abandoned =
        service_is_abandoned(look->planner->store, look->row, look->planner->now);
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
    char *reason = mem_printf("%s; %s%s%s: spared unless it is named (or --all)",
                              outside != NULL ? outside
                                              : "no project is loaded, so it may be in use",
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

static struct plan_kept *keep_whole(struct look *look, const char *reason, bool busy)
{
    struct plan_kept *kept =
        look_keep(look, ITEM_SERVICE, look->row->id, look->row->name, reason);
    kept->size_bytes = look->cache->size_bytes;
    kept->busy = busy;
    return kept;
}

/* ------------------------------------------------- directories of several services */

/* The services that share the directory and were not named. */
static struct words find_unnamed(const struct look *look)
{
    const struct service *row = look->row;
    struct words names = {0};
    for (size_t i = 0; i < row->users_len; i++) {
        const struct service_user *user = &row->users[i];
        if (service_user_shares(row, user) && !words_has(&look->planner->named, user->name) &&
            !words_has(&names, user->name))
            words_add(&names, user->name);
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
        if (!service_user_shares(row, user) || strlen(user->tag) != len || strncmp(user->tag, tag, len) != 0)
            continue;
        if (!words_has(&look->planner->named, user->name))
            return false;
        own = true;
    }
    return own;
}

/* All of its tags; the scan joins them by ", ". */
static bool is_own_generation(const struct look *look, const struct cache_generation *generation)
{
    const char *tag = generation->tag;
    bool own = generation->live && tag != NULL;
    while (own && tag != NULL) {
        const char *end = strstr(tag, ", ");
        own = is_own_tag(look, tag, end != NULL ? (size_t)(end - tag) : strlen(tag));
        tag = end != NULL ? end + 2 : NULL;
    }
    return own;
}

static char *join_names(const struct words *names)
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
    struct words unnamed = {0};
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
    words_done(&unnamed);
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
        bool unread = cache->state == CACHE_UNREADABLE &&
                      (query->services_len > 0 || !look->row->elsewhere);
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
