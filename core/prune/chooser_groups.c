#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/chooser.h"

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

void chooser_group(struct chooser *chooser)
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
