/* What each item gives back, given the rest of the plan.
 *
 * A blob's file is a link. It goes when all generations that reach it are in
 * the plan. Its bytes come back when the last link of its inode goes, and are
 * counted for the item that takes that last one, so that the sum is true:
 *
 *     older 1 ──► blob a ─┐
 *     older 2 ──► blob a  ├─► inode (2 links)    only when all three go
 *     other service:      ─┘                     are these bytes free */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"

struct use {
    uint32_t planned; /* items that hold the link */
    size_t last_item;
};

static struct use *uses_of(const struct plan *plan)
{
    struct use *uses = mem_zalloc(plan->links_len * sizeof *uses);
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        for (size_t j = 0; j < item->links_len; j++) {
            struct use *use = &uses[item->links[j]];
            use->planned += item->kind == ITEM_SERVICE ? plan->links[item->links[j]].needed : 1;
            use->last_item = i;
        }
    }
    return uses;
}

bool *plan_going(const struct plan *plan)
{
    struct use *uses = uses_of(plan);
    bool *going = mem_zalloc(plan->links_len);
    for (size_t i = 0; i < plan->links_len; i++)
        going[i] = uses[i].planned >= plan->links[i].needed;
    free(uses);
    return going;
}

/* A link that goes, of an inode that has several. */
struct shared_link {
    uint64_t dev, ino;
    uint32_t nlink;
    size_t item;
    int64_t bytes;
};

static int by_inode(const void *left, const void *right)
{
    const struct shared_link *a = left, *b = right;
    if (a->dev != b->dev)
        return a->dev < b->dev ? -1 : 1;
    if (a->ino != b->ino)
        return a->ino < b->ino ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* One inode's links, by item. What lies in one service alone is part of what
 * that service gives back anyway. */
static void count_inode(struct plan *plan, const struct shared_link *links, size_t len)
{
    const struct shared_link *first = &links[0], *last = &links[len - 1];
    bool counted = first->item == last->item && plan->items[last->item].kind == ITEM_SERVICE;
    if (len >= last->nlink && !counted)
        plan->items[last->item].frees_bytes += last->bytes;
}

static void count_shared(struct plan *plan, struct shared_link *links, size_t len)
{
    if (len > 0)
        qsort(links, len, sizeof *links, by_inode);
    for (size_t i = 0, end; i < len; i = end) {
        for (end = i + 1; end < len; end++)
            if (links[end].dev != links[i].dev || links[end].ino != links[i].ino)
                break;
        count_inode(plan, links + i, end - i);
    }
}

static void count_links(struct plan *plan)
{
    struct use *uses = uses_of(plan);
    struct shared_link *shared = NULL;
    size_t len = 0, cap = 0;
    for (size_t i = 0; i < plan->links_len; i++) {
        const struct plan_link *link = &plan->links[i];
        if (uses[i].planned < link->needed)
            continue;
        if (link->nlink <= 1) {
            plan->items[uses[i].last_item].frees_bytes += link->allocated_bytes;
            continue;
        }
        mem_reserve((void **)&shared, &cap, len + 1, sizeof *shared);
        shared[len++] = (struct shared_link){
            .dev = plan->caches[link->cache].dev,
            .ino = link->ino,
            .nlink = link->nlink,
            .item = uses[i].last_item,
            .bytes = link->allocated_bytes,
        };
    }
    count_shared(plan, shared, len);
    free(shared);
    free(uses);
}

void plan_count(struct plan *plan)
{
    for (size_t i = 0; i < plan->items_len; i++)
        plan->items[i].frees_bytes = plan->items[i].base_bytes;
    count_links(plan);
    plan->planned_bytes = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        plan->planned_bytes += plan->items[i].frees_bytes;
}
