#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/chooser.h"

#define TRIES_MAX 12

/* The parts of a cache that goes as a whole are no items of their own. */
static void drop_parts(const struct chooser *chooser, bool *taken)
{
    for (size_t i = 0; i < chooser->plan->items_len; i++)
        if (chooser->whole_of[i] != SIZE_MAX && taken[chooser->whole_of[i]])
            taken[i] = false;
}

static int64_t count_taken(const struct chooser *chooser, const bool *taken)
{
    struct plan part = *chooser->plan;
    part.items = mem_alloc((part.items_len + 1) * sizeof *part.items);
    part.items_len = 0;
    for (size_t i = 0; i < chooser->plan->items_len; i++)
        if (taken[i])
            part.items[part.items_len++] = chooser->plan->items[i];
    plan_count(&part);
    free(part.items);
    return part.planned_bytes;
}

static void choose(struct chooser *chooser, bool *taken)
{
    const struct plan *plan = chooser->plan;
    int64_t target = plan->wanted_bytes;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        bool enough =
            choose_cheapest(chooser->choices, plan->items_len + chooser->groups_len, target, taken);
        drop_parts(chooser, taken);
        int64_t bytes = count_taken(chooser, taken);
        if (!enough || bytes >= plan->wanted_bytes)
            return;
        target += plan->wanted_bytes - bytes;
    }
}

/* ------------------------------------------------------------- the outcome */

static void explain(struct plan_item *item)
{
    char took[TEXT_AGE_SIZE];
    if (item->rebuild_s < 1)
        return;
    char *reason = mem_printf("%s; about %s to make again", item->reason,
                              text_duration(took, (int64_t)item->rebuild_s * 1000));
    free(item->reason);
    item->reason = reason;
}

static void keep_taken(struct plan *plan, const bool *taken)
{
    size_t left = 0;
    for (size_t i = 0; i < plan->items_len; i++) {
        if (!taken[i]) {
            plan_item_done(&plan->items[i]);
            continue;
        }
        plan->items[left] = plan->items[i];
        explain(&plan->items[left++]);
    }
    plan->items_len = left;
}

void plan_choose(struct plan *plan)
{
    struct chooser chooser = {.plan = plan};
    if (plan->wanted_bytes == 0)
        return;
    chooser_group(&chooser);
    chooser_offer(&chooser);
    bool *taken = mem_zalloc(plan->items_len + chooser.groups_len + 1);
    choose(&chooser, taken);
    keep_taken(plan, taken);
    free(taken);
    chooser_done(&chooser);
    plan_count(plan);
    /* Nobody asked for these by name: of interest only when they are missed. */
    if (plan->planned_bytes >= plan->wanted_bytes)
        plan_forget_kept(plan);
}
