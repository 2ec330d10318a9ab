#include "core/prune/look.h"


#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/text.h"

struct plan_kept *look_keep(struct look *look, enum item_kind kind, const char *id,
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

struct plan_item *look_add(struct look *look, enum item_kind kind, const char *id,
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

void look_add_link(struct look *look, struct plan_item *item, uint32_t blob_index)
{
    item->links[item->links_len++] = link_of(look, blob_index);
}

char *look_since(const char *what, int64_t age_s)
{
    char age[TEXT_AGE_SIZE];
    return age_s < 0 ? mem_strdup(what) : mem_printf("%s %s ago", what, text_age(age, age_s));
}

const char *look_busy_sign(const struct look *look)
{
    const struct planner *planner = look->planner;
    const char *sign = service_busy_sign(look->row);
    if (planner->query->now)
        return NULL;
    if (sign == NULL)
        sign = planner->store->building_client;
    return sign != NULL ? sign : planner->build_sign;
}
