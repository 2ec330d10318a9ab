#include "core/prune/plan.h"

#include <assert.h>
#include <ctype.h>
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

/* What each item gives back, given the rest of the plan.
 *
 * A blob's file is a link. It goes when all generations that reach it are in
 * the plan. Its bytes come back when the last link of its inode goes, and are
 * counted for the item that takes that last one, so that the sum is true:
 *
 *     older 1 ──► blob a ─┐
 *     older 2 ──► blob a  ├─► inode (2 links)    only when all three go
 *     other service:      ─┘                     are these bytes free */

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
            assert(item->links[j] < plan->links_len);
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
    for (size_t i = 0; i < plan->items_len; i++) {
        assert(plan->items[i].frees_bytes >= 0);
        plan->planned_bytes += plan->items[i].frees_bytes;
    }
}

/* What has changed between two plans of the same query. */

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare(const struct plan_item *x, const struct plan_item *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = compare_texts(x->service_id != NULL ? x->service_id : x->builder,
                              y->service_id != NULL ? y->service_id : y->builder);
    return order != 0 ? order : strcmp(x->id, y->id);
}

static int by_identity(const void *a, const void *b)
{
    return compare(*(const struct plan_item *const *)a, *(const struct plan_item *const *)b);
}

static const struct plan_item **sorted_items(const struct plan *plan)
{
    const struct plan_item **items = mem_alloc((plan->items_len + 1) * sizeof(*items));
    for (size_t i = 0; i < plan->items_len; i++)
        items[i] = &plan->items[i];
    qsort(items, plan->items_len, sizeof(*items), by_identity);
    return items;
}

size_t plan_find(const struct plan *plan, const struct plan_item *like)
{
    for (size_t i = 0; i < plan->items_len; i++)
        if (compare(&plan->items[i], like) == 0)
            return i;
    return SIZE_MAX;
}

struct plan_changes plan_compare(const struct plan *before, const struct plan *after)
{
    const struct plan_item **old = sorted_items(before), **new = sorted_items(after);
    struct plan_changes changes = {
        .gone = mem_alloc((before->items_len + 1) * sizeof *changes.gone),
        .items = mem_zalloc((after->items_len + 1) * sizeof *changes.items),
    };
    for (size_t i = 0, j = 0; i < before->items_len || j < after->items_len;) {
        int order = i == before->items_len  ? 1
                    : j == after->items_len ? -1
                                            : compare(old[i], new[j]);
        if (order < 0) {
            changes.gone[changes.gone_len++] = (size_t)(old[i] - before->items);
        } else if (order > 0) {
            changes.items[new[j] - after->items] = CHANGE_NEW;
            changes.new_len++;
        } else if (old[i]->frees_bytes != new[j]->frees_bytes) {
            changes.items[new[j] - after->items] = CHANGE_BYTES;
            changes.bytes_len++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    free(old);
    free(new);
    return changes;
}

void plan_changes_done(struct plan_changes *changes)
{
    free(changes->gone);
    free(changes->items);
    *changes = (struct plan_changes){0};
}

/* The docker commands that would do what a plan does to records. */

/* Ids and builders are letters, digits and a few marks. What looks otherwise
 * is not put into a line that people paste into a shell. */
static bool is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("_-", *at) == NULL)
            return false;
    return text[0] != '\0' && text[0] != '-';
}

static bool is_first_of_builder(const struct plan *plan, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (plan->items[i].kind == ITEM_RECORD &&
            strcmp(plan->items[i].builder, plan->items[index].builder) == 0)
            return false;
    return true;
}

/* The ids are anchored: docker takes them for a regular expression that may
 * match anywhere. With them written out, --all takes nothing else along. */
static bool add_command(struct buf *command, const struct plan *plan, const struct plan_item *first)
{
    struct buf ids = {0};
    bool all = false, plain = is_plain(first->builder);
    for (size_t i = 0; i < plan->items_len && plain; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->kind != ITEM_RECORD || strcmp(item->builder, first->builder) != 0)
            continue;
        plain = is_plain(item->id);
        all |= item->needs_all;
        buf_printf(&ids, "%s%s", ids.len > 0 ? "|" : "", item->id);
    }
    if (plain) {
        if (command->len > 0)
            buf_append_str(command, "\n");
        buf_append_str(command, "docker ");
        if (!first->embedded && !first->is_context)
            buf_printf(command, "buildx prune --builder %s", first->builder);
        else if (!first->embedded || strcmp(first->builder, "default") != 0)
            buf_printf(command, "--context %s builder prune", first->builder);
        else
            buf_append_str(command, "builder prune");
        buf_printf(command, "%s --filter 'id=^(%s)$'", all ? " --all" : "", ids.data);
    }
    buf_done(&ids);
    return plain;
}

char *plan_docker_command(const struct plan *plan)
{
    struct buf command = {0};
    bool plain = true;
    for (size_t i = 0; i < plan->items_len && plain; i++)
        if (plan->items[i].kind == ITEM_RECORD && is_first_of_builder(plan, i))
            plain = add_command(&command, plan, &plan->items[i]);
    if (plain && command.len > 0)
        return buf_take(&command);
    buf_done(&command);
    return NULL;
}
