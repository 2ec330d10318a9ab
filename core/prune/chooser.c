#include "core/prune/chooser.h"

#include <stdlib.h>

#include "core/base/mem.h"

/* Calls back for each "item `user` needs item `need`". */
typedef void need_cb(struct chooser *chooser, size_t user, size_t need);

static void each_need(struct chooser *chooser, need_cb *on_need)
{
    const struct plan *plan = chooser->plan;
    struct id_slot *slots = mem_alloc((plan->items_len + 1) * sizeof *slots);
    size_t len = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].kind == ITEM_RECORD)
            slots[len++] = (struct id_slot){.id = plan->items[i].id, .index = i};
    id_slots_sort(slots, len);
    for (size_t i = 0; i < plan->items_len; i++) {
        if (chooser->whole_of[i] != SIZE_MAX)
            on_need(chooser, chooser->whole_of[i], i);
        for (size_t j = 0; j < plan->items[i].parents_len; j++) {
            size_t parent = id_slots_find(slots, len, plan->items[i].parents[j]);
            if (parent != SIZE_MAX && parent != i)
                on_need(chooser, parent, i);
        }
    }
    free(slots);
}

static void count_need(struct chooser *chooser, size_t user, size_t need)
{
    (void)need;
    chooser->choices[user].needs_len++;
}

static void put_need(struct chooser *chooser, size_t user, size_t need)
{
    struct choice *choice = &chooser->choices[user];
    ((size_t *)choice->needs)[choice->needs_len++] = need;
}

void chooser_offer(struct chooser *chooser)
{
    const struct plan *plan = chooser->plan;
    size_t total = 0;
    chooser->choices =
        mem_zalloc((plan->items_len + chooser->groups_len + 1) * sizeof *chooser->choices);
    each_need(chooser, count_need);
    for (size_t i = 0; i < plan->items_len; i++)
        total += chooser->choices[i].needs_len;
    chooser->needs = mem_alloc((total + 1) * sizeof *chooser->needs);
    total = 0;
    for (size_t i = 0; i < plan->items_len; i++) {
        struct choice *choice = &chooser->choices[i];
        choice->needs = chooser->needs + total;
        total += choice->needs_len;
        choice->needs_len = 0;
        choice->loss = plan->items[i].loss;
        choice->frees_bytes = chooser->own_bytes[i] > 0 ? chooser->own_bytes[i] : 0;
    }
    each_need(chooser, put_need);
    for (size_t i = 0; i < chooser->groups_len; i++)
        chooser->choices[plan->items_len + i] = (struct choice){
            .frees_bytes = chooser->groups[i].bytes,
            .needs = chooser->sets + chooser->groups[i].from,
            .needs_len = chooser->groups[i].len,
        };
}

void chooser_done(struct chooser *chooser)
{
    free(chooser->own_bytes);
    free(chooser->whole_of);
    free(chooser->sets);
    free(chooser->groups);
    free(chooser->holders);
    free(chooser->holders_from);
    free(chooser->choices);
    free(chooser->needs);
}
