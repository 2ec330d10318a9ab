#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/cheapest.h"
#include "core/prune/planner.h"

/* "Free N bytes": of a plan that holds all candidates, the cheapest part that
 * gives back enough.
 *
 * What comes back with one item alone is that item's. What comes back only when
 * several go is a choice of its own that costs nothing and needs all of them:
 * a blob that two older generations share, a file with links in two caches.
 *
 *     generation 1 ──┐
 *                    ├──► the blob that both reach
 *     generation 2 ──┘
 *
 * A whole cache needs its garbage to go (and takes it along in the end), a
 * record its children. So the sums are true; where they are not (odd links),
 * the real plan is counted and more is asked for until it is enough. */

/* Bytes that come back when all these items go. */
struct group {
    size_t from, len; /* in sets */
    int64_t bytes;
};

struct chooser {
    struct plan *plan;
    int64_t *own_bytes; /* of each item: what it gives back alone */
    size_t *whole_of;   /* of each item: the whole cache that takes it along; SIZE_MAX */
    size_t *sets;       /* indices of items, ascending in each group */
    size_t sets_len, sets_cap;
    struct group *groups;
    size_t groups_len, groups_cap;
    /* Of each link the items (no whole ones) that hold it. */
    size_t *holders, *holders_from;
    struct choice *choices; /* the items, then the groups */
    size_t *needs;
};

static void chooser_group(struct chooser *chooser);
static void chooser_offer(struct chooser *chooser);
static void chooser_done(struct chooser *chooser);

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
        /* The last try takes all: too much is better than too little. */
        target = tries < TRIES_MAX - 2 ? target + plan->wanted_bytes - bytes : INT64_MAX;
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

/* Makes the choices of items and groups: what each gives, costs and needs. */
static void chooser_offer(struct chooser *chooser)
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

static void chooser_done(struct chooser *chooser)
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

/* -------------------------------------------------------------- the sets */

static int by_value(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void add_to_set(struct chooser *chooser, struct group *group, const size_t *items,
                       size_t len)
{
    mem_reserve((void **)&chooser->sets, &chooser->sets_cap, chooser->sets_len + len,
                sizeof *chooser->sets);
    memcpy(chooser->sets + chooser->sets_len, items, len * sizeof *items);
    chooser->sets_len += len;
    group->len += len;
}

/* The set is complete: sorts it, each item once. One of a single item is no
 * group but that item's own. */
static void close_set(struct chooser *chooser, struct group *group)
{
    size_t *set = chooser->sets + group->from, len = 0;
    qsort(set, group->len, sizeof *set, by_value);
    for (size_t i = 0; i < group->len; i++)
        if (i == 0 || set[i] != set[i - 1])
            set[len++] = set[i];
    group->len = len;
    chooser->sets_len = group->from + len;
    if (len == 1) {
        chooser->own_bytes[set[0]] += group->bytes;
        chooser->sets_len = group->from;
        return;
    }
    mem_reserve((void **)&chooser->groups, &chooser->groups_cap, chooser->groups_len + 1,
                sizeof *chooser->groups);
    chooser->groups[chooser->groups_len++] = *group;
}

/* ------------------------------------------------------------- the links */

static void find_holders(struct chooser *chooser)
{
    const struct plan *plan = chooser->plan;
    size_t *from = chooser->holders_from = mem_zalloc((plan->links_len + 2) * sizeof *from);
    for (size_t i = 0; i < plan->items_len; i++)
        for (size_t j = 0; plan->items[i].kind != ITEM_SERVICE && j < plan->items[i].links_len; j++)
            from[plan->items[i].links[j] + 2]++;
    for (size_t i = 2; i < plan->links_len + 2; i++)
        from[i] += from[i - 1];
    chooser->holders = mem_alloc((from[plan->links_len + 1] + 1) * sizeof *chooser->holders);
    for (size_t i = 0; i < plan->items_len; i++)
        for (size_t j = 0; plan->items[i].kind != ITEM_SERVICE && j < plan->items[i].links_len; j++)
            chooser->holders[from[plan->items[i].links[j] + 1]++] = i;
}

static size_t holders_of(const struct chooser *chooser, size_t link, const size_t **ret_items)
{
    *ret_items = chooser->holders + chooser->holders_from[link];
    return chooser->holders_from[link + 1] - chooser->holders_from[link];
}

/* Goes with garbage alone, without the whole cache. */
static bool goes_with_garbage(const struct chooser *chooser, size_t link)
{
    const size_t *items;
    size_t len = holders_of(chooser, link, &items);
    return len > 0 && len >= chooser->plan->links[link].needed;
}

static void add_single_links(struct chooser *chooser)
{
    const struct plan *plan = chooser->plan;
    for (size_t i = 0; i < plan->links_len; i++) {
        const size_t *items;
        size_t len = holders_of(chooser, i, &items);
        if (plan->links[i].nlink > 1 || !goes_with_garbage(chooser, i))
            continue;
        struct group group = {.from = chooser->sets_len, .bytes = plan->links[i].allocated_bytes};
        add_to_set(chooser, &group, items, len);
        close_set(chooser, &group);
        /* A whole cache's own bytes are without what its garbage gives back. */
        size_t whole = chooser->whole_of[items[0]];
        if (whole != SIZE_MAX)
            chooser->own_bytes[whole] -= plan->links[i].allocated_bytes;
    }
}

/* One name of a file that has several. */
struct name {
    uint64_t dev, ino;
    uint64_t directory; /* with the digest: which name it is */
    const struct digest *digest;
    size_t link;
    size_t whole; /* the item that it goes with; SIZE_MAX: with the link's holders */
};

static int by_file(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    if (x->directory != y->directory)
        return x->directory < y->directory ? -1 : 1;
    int order = memcmp(x->digest->bytes, y->digest->bytes, sizeof x->digest->bytes);
    /* SIZE_MAX first: what goes with the garbage needs no more than that. */
    return order != 0 ? order : (x->whole < y->whole) - (x->whole > y->whole);
}

static bool is_same_name(const struct name *a, const struct name *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->directory == b->directory &&
           digest_equal(a->digest, b->digest);
}

static size_t gather_names(const struct chooser *chooser, struct name *names)
{
    const struct plan *plan = chooser->plan;
    size_t len = 0;
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        for (size_t j = 0; j < item->links_len; j++) {
            const struct plan_link *link = &plan->links[item->links[j]];
            const struct plan_cache *cache = &plan->caches[link->cache];
            bool whole = item->kind == ITEM_SERVICE;
            if (link->nlink <= 1 || (!whole && !goes_with_garbage(chooser, item->links[j])))
                continue;
            names[len++] = (struct name){cache->dev,    link->ino,      cache->ino,
                                         &link->digest, item->links[j], whole ? i : SIZE_MAX};
        }
    }
    return len;
}

/* The names of one file: its bytes come back when the items behind all go. */
static void add_file(struct chooser *chooser, const struct name *names, size_t len)
{
    const struct plan_link *link = &chooser->plan->links[names[0].link];
    struct group group = {.from = chooser->sets_len, .bytes = link->allocated_bytes};
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        const size_t *items = &names[i].whole;
        size_t items_len = 1;
        if (i > 0 && is_same_name(&names[i], &names[i - 1]))
            continue;
        if (names[i].whole == SIZE_MAX)
            items_len = holders_of(chooser, names[i].link, &items);
        add_to_set(chooser, &group, items, items_len);
        count++;
    }
    if (count >= link->nlink)
        close_set(chooser, &group);
    else
        chooser->sets_len = group.from;
}

static void add_linked_files(struct chooser *chooser)
{
    const struct plan *plan = chooser->plan;
    size_t room = 1, end;
    for (size_t i = 0; i < plan->items_len; i++)
        room += plan->items[i].links_len;
    struct name *names = mem_alloc(room * sizeof *names);
    size_t len = gather_names(chooser, names);
    qsort(names, len, sizeof *names, by_file);
    for (size_t i = 0; i < len; i = end) {
        for (end = i + 1; end < len; end++)
            if (names[end].dev != names[i].dev || names[end].ino != names[i].ino)
                break;
        add_file(chooser, names + i, end - i);
    }
    free(names);
}

/* Generations share their blobs in a few ways only: one choice for each way. */
struct sortable {
    const size_t *set;
    struct group group;
};

static int by_set(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    if (x->group.len != y->group.len)
        return x->group.len < y->group.len ? -1 : 1;
    for (size_t i = 0; i < x->group.len; i++)
        if (x->set[i] != y->set[i])
            return x->set[i] < y->set[i] ? -1 : 1;
    return 0;
}

static void merge_groups(struct chooser *chooser)
{
    struct sortable *sorted = mem_alloc((chooser->groups_len + 1) * sizeof *sorted);
    size_t len = 0;
    for (size_t i = 0; i < chooser->groups_len; i++)
        sorted[i] = (struct sortable){chooser->sets + chooser->groups[i].from, chooser->groups[i]};
    qsort(sorted, chooser->groups_len, sizeof *sorted, by_set);
    for (size_t i = 0; i < chooser->groups_len; i++) {
        if (i > 0 && by_set(&sorted[i], &sorted[i - 1]) == 0)
            chooser->groups[len - 1].bytes += sorted[i].group.bytes;
        else
            chooser->groups[len++] = sorted[i].group;
    }
    chooser->groups_len = len;
    free(sorted);
}

static void find_wholes(struct chooser *chooser)
{
    const struct plan *plan = chooser->plan;
    struct id_slot *slots = mem_alloc((plan->items_len + 1) * sizeof *slots);
    size_t len = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].kind == ITEM_SERVICE)
            slots[len++] = (struct id_slot){.id = plan->items[i].service_id, .index = i};
    id_slots_sort(slots, len);
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        bool part = item->kind != ITEM_SERVICE && item->kind != ITEM_RECORD;
        size_t whole = part ? id_slots_find(slots, len, item->service_id) : SIZE_MAX;
        chooser->whole_of[i] = whole;
        chooser->own_bytes[i] += item->base_bytes;
        if (whole != SIZE_MAX)
            chooser->own_bytes[whole] -= item->base_bytes;
    }
    free(slots);
}

/* What the items give back alone, and what only several of them do. */
static void chooser_group(struct chooser *chooser)
{
    size_t len = chooser->plan->items_len + 1;
    chooser->own_bytes = mem_zalloc(len * sizeof *chooser->own_bytes);
    chooser->whole_of = mem_alloc(len * sizeof *chooser->whole_of);
    find_wholes(chooser);
    find_holders(chooser);
    add_single_links(chooser);
    add_linked_files(chooser);
    merge_groups(chooser);
}
