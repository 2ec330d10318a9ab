/* Which records of a builder can go: worked out leaf first over the graph of
 * parents, since BuildKit removes no record that a child still needs.
 * Source: moby/buildkit cache/manager.go, prune(). */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/loss.h"
#include "core/prune/planner.h"
#include "core/store/record_words.h"

#define NAMES_COLUMNS 80

struct node {
    const struct record *record;
    bool asked;     /* the conditions hold for it */
    char *withheld; /* asked for, but not the services' alone: in words; NULL */
    bool going;     /* and nothing keeps it */
    size_t pin;     /* what keeps it, when it is a younger record; else SIZE_MAX */
    size_t waiting; /* children that are not yet in the plan */
};

struct graph {
    struct planner *planner;
    const struct builder *builder;
    struct node *nodes;
    size_t len;
    bool *meant; /* of the builder's owners.services: those that the query names */
    struct id_slot *slots;
    size_t *queue; /* room for each node once */
    size_t queue_len;
};

static const char *const known_types[] = {
    "regular", "source.local", "source.git.checkout", "exec.cachemount", "frontend", "internal",
};

/* docker prunes these kinds only when told --all. */
static bool needs_all(const struct record *record)
{
    return record->shared || strcmp(record->type, "internal") == 0 ||
           strcmp(record->type, "frontend") == 0;
}

/* A shared record's layer stays with its image. A mutable one counts as shared
 * because of the layer below it; its own content is nowhere else. */
static int64_t frees(const struct record *record)
{
    bool stays = record->shared && !record->mutable_ && !record_is_cache_mount(record);
    return stays || record->size_bytes < 0 ? 0 : record->size_bytes;
}

static char *used_when(const struct planner *planner, const struct record *record)
{
    char age[TEXT_AGE_SIZE];
    int64_t age_s = query_record_age(record, planner->now);
    if (age_s < 0)
        return mem_strdup("never used");
    text_age(age, age_s);
    return record->last_used_at > 0 ? mem_printf("used %s ago", age)
                                    : mem_printf("never used, made %s ago", age);
}

/* ------------------------------------------------------------ the graph */

/* Rows that share a name are one service to the records: it is meant when all
 * of its rows are. */
static bool *find_meant(const struct planner *planner, const struct owners *owners)
{
    bool *meant = mem_zalloc(owners->services_len + 1);
    for (size_t i = 0; i < owners->services_len; i++) {
        size_t rows = 0, chosen = 0;
        for (size_t j = 0; j < planner->store->services_len; j++) {
            const struct service *row = &planner->store->services[j];
            if (row->name == NULL || strcmp(row->name, owners->services[i]) != 0)
                continue;
            rows++;
            chosen += planner->chosen[j];
        }
        meant[i] = rows > 0 && rows == chosen;
    }
    return meant;
}

/* The services' names, clean; NULL when there are none. */
static char *name_others(const struct graph *graph, size_t index,
                         bool (*has)(const struct owners *, size_t, size_t))
{
    const struct owners *owners = &graph->builder->owners;
    struct buf others = {0};
    for (size_t i = 0; i < owners->services_len; i++)
        if (!graph->meant[i] && has(owners, index, i))
            buf_printf(&others, "%s%s", others.len > 0 ? ", " : "", owners->services[i]);
    char *names = others.len > 0 ? text_shorten(others.data, NAMES_COLUMNS) : NULL;
    buf_done(&others);
    return names;
}

static bool is_meant(const struct graph *graph, size_t index,
                     bool (*has)(const struct owners *, size_t, size_t))
{
    const struct owners *owners = &graph->builder->owners;
    bool meant = false;
    for (size_t i = 0; index < owners->len && i < owners->services_len && !meant; i++)
        meant = graph->meant[i] && has(owners, index, i);
    return meant;
}

/* Why a record of the services does not go with them; NULL: nothing speaks
 * against it. */
static char *why_withheld(const struct graph *graph, size_t index, bool sure)
{
    const struct query *query = graph->planner->query;
    char *others = query->others ? NULL : name_others(graph, index, owners_has);
    char *perhaps = query->others ? NULL : name_others(graph, index, owners_may_have);
    char *reason = NULL;
    if (others != NULL)
        reason = mem_printf("also used by %s", others);
    else if (perhaps != NULL)
        reason = mem_printf("perhaps also used by %s, which has the same step", perhaps);
    else if (!sure && !query->guesses)
        reason = mem_strdup("perhaps of this service, but only its text says so");
    free(others);
    free(perhaps);
    return reason;
}

/* Does the record belong to a service that the query names? What others own
 * too, or what is a guess, is withheld unless it was asked for. */
static bool is_of_services(const struct graph *graph, size_t index, char **ret_withheld)
{
    if (graph->planner->query->services_len == 0)
        return true;
    bool sure = is_meant(graph, index, owners_has);
    if (!sure && !is_meant(graph, index, owners_may_have))
        return false;
    *ret_withheld = why_withheld(graph, index, sure);
    return true;
}

static bool is_asked(struct graph *graph, size_t index)
{
    struct planner *planner = graph->planner;
    /* The name first: it also notes that the id exists. */
    return planner_names(planner, graph->builder->records.items[index].id) &&
           query_match_record(&planner->match, planner->store, graph->builder, index);
}

static void graph_init(struct graph *graph, struct planner *planner, const struct builder *builder)
{
    const struct records *records = &builder->records;
    *graph = (struct graph){.planner = planner, .builder = builder, .len = records->len};
    graph->nodes = mem_zalloc(records->len * sizeof *graph->nodes);
    graph->slots = mem_zalloc(records->len * sizeof *graph->slots);
    graph->queue = mem_alloc(records->len * sizeof *graph->queue);
    graph->meant = find_meant(planner, &builder->owners);
    for (size_t i = 0; i < records->len; i++) {
        struct node *node = &graph->nodes[i];
        node->record = &records->items[i];
        node->asked = is_asked(graph, i) && is_of_services(graph, i, &node->withheld);
        node->going = node->asked && node->withheld == NULL && !node->record->in_use;
        node->pin = SIZE_MAX;
        graph->slots[i] = (struct id_slot){.id = node->record->id, .index = i};
    }
    id_slots_sort(graph->slots, graph->len);
}

static void graph_done(struct graph *graph)
{
    for (size_t i = 0; i < graph->len; i++)
        free(graph->nodes[i].withheld);
    free(graph->meant);
    free(graph->nodes);
    free(graph->slots);
    free(graph->queue);
}

static struct node *parent_of(struct graph *graph, const struct node *child, size_t index)
{
    size_t found = id_slots_find(graph->slots, graph->len, child->record->parents[index]);
    return found != SIZE_MAX && &graph->nodes[found] != child ? &graph->nodes[found] : NULL;
}

/* What stays keeps its parents, and these theirs. What is named as the pin is
 * the record at the root of it: the one that was not asked for, or is in use. */
static void spread_pins(struct graph *graph)
{
    graph->queue_len = 0;
    for (size_t i = 0; i < graph->len; i++)
        if (!graph->nodes[i].going)
            graph->queue[graph->queue_len++] = i;
    for (size_t done = 0; done < graph->queue_len; done++) {
        size_t index = graph->queue[done];
        const struct node *child = &graph->nodes[index];
        for (size_t i = 0; i < child->record->parents_len; i++) {
            struct node *parent = parent_of(graph, child, i);
            if (parent == NULL || !parent->going)
                continue;
            parent->going = false;
            parent->pin = child->pin != SIZE_MAX ? child->pin : index;
            graph->queue[graph->queue_len++] = (size_t)(parent - graph->nodes);
        }
    }
}

/* ------------------------------------------------------------- the outcome */

static void add_record(struct graph *graph, size_t index)
{
    struct planner *planner = graph->planner;
    const struct owners *owners = &graph->builder->owners;
    const struct record *record = graph->nodes[index].record;
    char *name = record_name(planner->store, record);
    struct plan_item *item = planner_add(planner, ITEM_RECORD, record->id, name);
    free(name);
    loss_fill_record(planner->store, planner->times, record, item);
    item->builder = mem_strdup(graph->builder->id);
    if (index < owners->len && !owners->items[index].guess)
        mem_replace(&item->service, owners->items[index].service);
    item->embedded = graph->builder->embedded;
    item->is_context = store_has_context(planner->store, graph->builder->id);
    item->size_bytes = record->size_bytes;
    item->base_bytes = frees(record);
    item->age_s = query_record_age(record, planner->now);
    item->reason = used_when(planner, record);
    item->gone_for_good = record_is_cache_mount(record);
    item->needs_all = needs_all(record);
    item->seen_at = record->last_used_at;
    item->usage_count = record->usage_count;
    item->parents = mem_zalloc(record->parents_len * sizeof *item->parents);
    for (size_t i = 0; i < record->parents_len; i++)
        item->parents[item->parents_len++] = mem_strdup(record->parents[i]);
}

/* Children before their parents. A cycle, which no engine makes, stays. */
static void add_leaf_first(struct graph *graph)
{
    graph->queue_len = 0;
    for (size_t i = 0; i < graph->len; i++)
        for (size_t j = 0; graph->nodes[i].going && j < graph->nodes[i].record->parents_len; j++) {
            struct node *parent = parent_of(graph, &graph->nodes[i], j);
            if (parent != NULL)
                parent->waiting++;
        }
    for (size_t i = 0; i < graph->len; i++)
        if (graph->nodes[i].going && graph->nodes[i].waiting == 0)
            graph->queue[graph->queue_len++] = i;
    for (size_t done = 0; done < graph->queue_len; done++) {
        const struct node *node = &graph->nodes[graph->queue[done]];
        add_record(graph, graph->queue[done]);
        for (size_t j = 0; j < node->record->parents_len; j++) {
            struct node *parent = parent_of(graph, node, j);
            if (parent != NULL && parent->going && --parent->waiting == 0)
                graph->queue[graph->queue_len++] = (size_t)(parent - graph->nodes);
        }
    }
}

static char *why_kept(const struct graph *graph, const struct node *node)
{
    if (node->withheld != NULL)
        return mem_strdup(node->withheld);
    if (node->record->in_use)
        return mem_strdup(graph->planner->build_sign != NULL
                              ? "in use by a build"
                              : "in use although no build runs: a failed import leaked it; "
                                "restarting the engine frees it");
    const struct record *pin = graph->nodes[node->pin].record;
    char *name = record_name(graph->planner->store, pin);
    char *when = pin->in_use ? mem_strdup("in use") : used_when(graph->planner, pin);
    char *text = mem_printf("pinned by %s, %s", name, when);
    free(name);
    free(when);
    return text;
}

static void keep_rest(struct graph *graph)
{
    for (size_t i = 0; i < graph->len; i++) {
        const struct node *node = &graph->nodes[i];
        bool stays = node->withheld != NULL || node->record->in_use || node->pin != SIZE_MAX;
        if (!node->asked || !stays)
            continue;
        char *name = record_name(graph->planner->store, node->record);
        char *reason = why_kept(graph, node);
        planner_keep(graph->planner, ITEM_RECORD, node->record->id, name, reason)->size_bytes =
            node->record->size_bytes;
        free(name);
        free(reason);
    }
}

/* A type that neither docker nor this builder knows is a slip of the pen. */
static int check_type(const struct builder *builder, const char *type, struct err *err)
{
    bool known = type == NULL;
    for (size_t i = 0; !known && i < sizeof known_types / sizeof known_types[0]; i++)
        known = strcmp(known_types[i], type) == 0;
    for (size_t i = 0; !known && i < builder->records.len; i++)
        known = strcmp(builder->records.items[i].type, type) == 0;
    return known ? 0
                 : err_set(err, ERR_USAGE,
                           "no such type of record: %s (regular, source.local, "
                           "source.git.checkout, exec.cachemount, frontend, internal)",
                           type);
}

static int find_builder(const struct planner *planner, const struct builder **ret_builder,
                        struct err *err)
{
    const char *asked = planner->query->builder;
    *ret_builder = asked != NULL ? store_builder(planner->store, asked)
                                 : store_selected_builder(planner->store);
    return asked != NULL && *ret_builder == NULL
               ? err_set(err, ERR_USAGE, "no such builder: %s", asked)
               : 0;
}

int planner_records(struct planner *planner, struct err *err)
{
    const struct query *query = planner->query;
    const struct builder *builder = NULL;
    struct graph graph;
    int code = find_builder(planner, &builder, err);
    if (code < 0 || builder == NULL)
        return code;
    code = check_type(builder, query->type, err);
    if (code < 0)
        return code;
    if (!builder->reachable) {
        if (query->records)
            planner_keep(planner, ITEM_RECORD, builder->id, "records of this builder",
                         builder->error != NULL ? builder->error : "the builder does not answer");
        return 0;
    }
    graph_init(&graph, planner, builder);
    spread_pins(&graph);
    add_leaf_first(&graph);
    keep_rest(&graph);
    graph_done(&graph);
    return 0;
}

/* A source that a build has sent and works with. Measured on 26.1: while the
 * build runs it is listed as a regular record, and only its description tells
 * what it is; it becomes source.local when the build is over. Other records in
 * use prove nothing: a failed import leaks them. */
static bool is_source_at_work(const struct record *record)
{
    static const char *const types[] = {"source.local", "source.git.checkout"};
    static const char *const beginnings[] = {"local source for ", "git snapshot for "};
    if (!record->in_use || record->last_used_at != 0)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(record->type, types[i]) == 0 ||
            strncmp(record->description, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

char *records_build_sign(const struct store *store)
{
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *builder = &store->builders[i];
        for (size_t j = 0; builder->reachable && j < builder->records.len; j++)
            if (is_source_at_work(&builder->records.items[j]))
                return mem_printf("a build runs on builder %s", builder->id);
    }
    return NULL;
}
