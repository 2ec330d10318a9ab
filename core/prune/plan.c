#include "core/prune/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"

const char *item_kind_name(enum item_kind kind)
{
    static const char *const names[] = {
        [ITEM_SERVICE] = "service", [ITEM_GENERATION] = "generation", [ITEM_BLOB] = "blob",
        [ITEM_INGEST] = "ingest",   [ITEM_RECORD] = "record",
    };
    return names[kind];
}

bool plan_forgets_steps(const struct plan *plan)
{
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].forgets_steps)
            return true;
    return false;
}

/* ------------------------------------------------------------- life cycle */

void plan_item_done(struct plan_item *item)
{
    free(item->service_id);
    free(item->service);
    free(item->builder);
    free(item->id);
    free(item->title);
    free(item->reason);
    free(item->loses);
    free(item->links);
    for (size_t i = 0; i < item->parents_len; i++)
        free(item->parents[i]);
    free(item->parents);
}

void plan_forget_kept(struct plan *plan)
{
    for (size_t i = 0; i < plan->kept_len; i++) {
        free(plan->kept[i].service);
        free(plan->kept[i].id);
        free(plan->kept[i].title);
        free(plan->kept[i].reason);
    }
    plan->kept_len = 0;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->items_len; i++)
        plan_item_done(&plan->items[i]);
    plan_forget_kept(plan);
    for (size_t i = 0; i < plan->caches_len; i++) {
        free(plan->caches[i].root);
        free(plan->caches[i].name);
    }
    free(plan->items);
    free(plan->kept);
    free(plan->links);
    free(plan->caches);
    free(plan);
}

/* ------------------------------------------------------------- dropping */

/* Marks the records of one builder that can't go when the marked ones stay. */
static void mark_parents(const struct plan *plan, const char *builder, bool *dropped)
{
    struct id_slot *slots = mem_alloc(plan->items_len * sizeof *slots);
    size_t len = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].kind == ITEM_RECORD && strcmp(plan->items[i].builder, builder) == 0)
            slots[len++] = (struct id_slot){.id = plan->items[i].id, .index = i};
    id_slots_sort(slots, len);
    /* Children stand before their parents unless a view has sorted the plan. */
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < plan->items_len; i++) {
            const struct plan_item *child = &plan->items[i];
            for (size_t j = 0; dropped[i] && j < child->parents_len; j++) {
                size_t parent = id_slots_find(slots, len, child->parents[j]);
                if (parent != SIZE_MAX && !dropped[parent])
                    dropped[parent] = moved = true;
            }
        }
    }
    free(slots);
}

static void keep_dropped(struct plan *plan, const struct plan_item *item, const char *reason)
{
    struct planner planner = {.plan = plan};
    struct plan_kept *kept = planner_keep(&planner, item->kind, item->id, item->title, reason);
    mem_replace(&kept->service, item->service);
    kept->size_bytes = item->size_bytes;
}

void plan_drop(struct plan *plan, size_t index)
{
    if (index >= plan->items_len)
        return;
    bool *dropped = mem_zalloc(plan->items_len);
    dropped[index] = true;
    if (plan->items[index].kind == ITEM_RECORD)
        mark_parents(plan, plan->items[index].builder, dropped);
    char *pinned = mem_printf("pinned by %s, which was taken out", plan->items[index].title);
    size_t left = 0;
    for (size_t i = 0; i < plan->items_len; i++) {
        if (!dropped[i]) {
            plan->items[left++] = plan->items[i];
            continue;
        }
        keep_dropped(plan, &plan->items[i], i == index ? "taken out of the plan" : pinned);
        plan_item_done(&plan->items[i]);
    }
    plan->items_len = left;
    free(pinned);
    free(dropped);
    plan_count(plan);
}
