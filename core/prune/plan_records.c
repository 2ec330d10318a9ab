#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/engine/record.h"
#include "core/prune/planner.h"
#include "core/prune/rebuild.h"
#include "core/store/description.h"

/* the records of a builder and what stands on what.
 * BuildKit removes no record that a child still needs.
 * Source: moby/buildkit cache/manager.go, prune(). Pure. */

/* which records are the services' that a query names. */

struct record_node {
    bool going;     /* the caller's to set; then what nothing keeps */
    size_t pin;     /* what keeps it, when it is a younger record; else SIZE_MAX */
    size_t waiting; /* children that are not yet in order */
};

struct record_graph {
    const struct records *records;
    struct record_node *nodes; /* one for each record */
    struct id_slot *slots;
    size_t *order; /* see record_graph_sort() */
    size_t order_len;
};

struct claims {
    const struct query *query;
    const struct owners *owners;
    bool *meant; /* of the owners' services: those that the query names */
};

/* Borrows the records. Nothing goes yet. */
static void record_graph_init(struct record_graph *graph, const struct records *records)
{
    *graph = (struct record_graph){
        .records = records,
        .nodes = mem_zalloc((records->len + 1) * sizeof *graph->nodes),
        .slots = mem_alloc((records->len + 1) * sizeof *graph->slots),
        .order = mem_alloc((records->len + 1) * sizeof *graph->order),
    };
    for (size_t i = 0; i < records->len; i++) {
        graph->nodes[i].pin = SIZE_MAX;
        graph->slots[i] = (struct id_slot){.id = records->items[i].id, .index = i};
    }
    id_slots_sort(graph->slots, records->len);
}

static void record_graph_done(struct record_graph *graph)
{
    free(graph->nodes);
    free(graph->slots);
    free(graph->order);
}

/* SIZE_MAX: it is not listed. */
static size_t parent_of(const struct record_graph *graph, size_t child, size_t index)
{
    size_t found = id_slots_find(graph->slots, graph->records->len,
                                 graph->records->items[child].parents[index]);
    return found != child ? found : SIZE_MAX;
}

/* What stays keeps its parents, and these theirs: they do not go either. What is
 * named as the pin is the record at the root of it. */
static void record_graph_pin(struct record_graph *graph)
{
    size_t *queue = graph->order, len = 0;
    for (size_t i = 0; i < graph->records->len; i++)
        if (!graph->nodes[i].going)
            queue[len++] = i;
    for (size_t done = 0; done < len; done++) {
        size_t child = queue[done], pin = graph->nodes[child].pin;
        for (size_t i = 0; i < graph->records->items[child].parents_len; i++) {
            size_t parent = parent_of(graph, child, i);
            if (parent == SIZE_MAX || !graph->nodes[parent].going)
                continue;
            graph->nodes[parent].going = false;
            graph->nodes[parent].pin = pin != SIZE_MAX ? pin : child;
            queue[len++] = parent;
        }
    }
}

static void count_children(struct record_graph *graph)
{
    for (size_t i = 0; i < graph->records->len; i++) {
        size_t parents = graph->nodes[i].going ? graph->records->items[i].parents_len : 0;
        for (size_t j = 0; j < parents; j++) {
            size_t parent = parent_of(graph, i, j);
            if (parent != SIZE_MAX)
                graph->nodes[parent].waiting++;
        }
    }
}

/* Puts what goes into `order`, children before their parents. A circle, which no
 * engine makes, is left out. */
static void record_graph_sort(struct record_graph *graph)
{
    graph->order_len = 0;
    count_children(graph);
    for (size_t i = 0; i < graph->records->len; i++)
        if (graph->nodes[i].going && graph->nodes[i].waiting == 0)
            graph->order[graph->order_len++] = i;
    for (size_t done = 0; done < graph->order_len; done++) {
        size_t child = graph->order[done];
        for (size_t j = 0; j < graph->records->items[child].parents_len; j++) {
            size_t parent = parent_of(graph, child, j);
            if (parent != SIZE_MAX && graph->nodes[parent].going &&
                --graph->nodes[parent].waiting == 0)
                graph->order[graph->order_len++] = parent;
        }
    }
}

#define NAMES_COLUMNS 80

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
static char *name_others(const struct claims *claims, size_t index,
                         bool (*has)(const struct owners *, size_t, size_t))
{
    const struct owners *owners = claims->owners;
    struct buf others = {0};
    for (size_t i = 0; i < owners->services_len; i++)
        if (!claims->meant[i] && has(owners, index, i))
            buf_printf(&others, "%s%s", others.len > 0 ? ", " : "", owners->services[i]);
    char *names = others.len > 0 ? text_shorten(others.data, NAMES_COLUMNS) : NULL;
    buf_done(&others);
    return names;
}

static bool is_meant(const struct claims *claims, size_t index,
                     bool (*has)(const struct owners *, size_t, size_t))
{
    const struct owners *owners = claims->owners;
    bool meant = false;
    for (size_t i = 0; index < owners->len && i < owners->services_len && !meant; i++)
        meant = claims->meant[i] && has(owners, index, i);
    return meant;
}

/* Why a record of the services does not go with them; NULL: nothing speaks
 * against it. */
static char *why_withheld(const struct claims *claims, size_t index, bool sure)
{
    const struct query *query = claims->query;
    char *others = query->others ? NULL : name_others(claims, index, owners_has);
    char *perhaps = query->others ? NULL : name_others(claims, index, owners_may_have);
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

/* Does the record belong to a service that the query names, or does it name
 * none? What others own too, or what is a guess, is withheld unless it was asked
 * for: *ret_withheld says why, else it is NULL. The caller frees it. */
static bool claims_hold(const struct claims *claims, size_t index, char **ret_withheld)
{
    *ret_withheld = NULL;
    if (claims->query->services_len == 0)
        return true;
    bool sure = is_meant(claims, index, owners_has);
    if (!sure && !is_meant(claims, index, owners_may_have))
        return false;
    *ret_withheld = why_withheld(claims, index, sure);
    return true;
}

/* Borrows from the planner and the builder. */
static void claims_init(struct claims *claims, const struct planner *planner,
                        const struct builder *builder)
{
    *claims = (struct claims){
        .query = planner->query,
        .owners = &builder->owners,
        .meant = find_meant(planner, &builder->owners),
    };
}

static void claims_done(struct claims *claims)
{
    free(claims->meant);
}

/* Which records of a builder can go, and why the others can't. */

/* One builder under work. */
struct selection {
    struct planner *planner;
    const struct builder *builder;
    struct record_graph graph;
    struct wish {
        bool asked;     /* the conditions hold for it */
        char *withheld; /* but it is not the services' alone: in words; NULL */
    } * wishes;         /* one for each record */
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

/* --------------------------------------------------------------- the wishes */

static bool is_asked(const struct selection *selection, size_t index)
{
    struct planner *planner = selection->planner;
    /* The name first: it also notes that the id exists. */
    return planner_names(planner, selection->builder->records.items[index].id) &&
           query_match_record(&planner->match, planner->store, selection->builder, index);
}

static void selection_init(struct selection *selection, struct planner *planner,
                           const struct builder *builder)
{
    const struct records *records = &builder->records;
    struct claims claims;
    *selection = (struct selection){
        .planner = planner,
        .builder = builder,
        .wishes = mem_zalloc((records->len + 1) * sizeof *selection->wishes),
    };
    claims_init(&claims, planner, builder);
    record_graph_init(&selection->graph, records);
    for (size_t i = 0; i < records->len; i++) {
        struct wish *wish = &selection->wishes[i];
        wish->asked = is_asked(selection, i) && claims_hold(&claims, i, &wish->withheld);
        selection->graph.nodes[i].going =
            wish->asked && wish->withheld == NULL && !records->items[i].in_use;
    }
    claims_done(&claims);
}

static void selection_done(struct selection *selection)
{
    for (size_t i = 0; i < selection->builder->records.len; i++)
        free(selection->wishes[i].withheld);
    free(selection->wishes);
    record_graph_done(&selection->graph);
}

/* -------------------------------------------------------------- the outcome */

static void add_parents(struct plan_item *item, const struct record *record)
{
    item->parents = mem_zalloc(record->parents_len * sizeof *item->parents);
    for (size_t i = 0; i < record->parents_len; i++)
        item->parents[item->parents_len++] = mem_strdup(record->parents[i]);
}

static void add_record(const struct selection *selection, size_t index)
{
    struct planner *planner = selection->planner;
    const struct owners *owners = &selection->builder->owners;
    const struct record *record = &selection->builder->records.items[index];
    char *name = record_name(planner->store, record);
    struct plan_item *item = planner_add(planner, ITEM_RECORD, record->id, name);
    free(name);
    rebuild_fill_record(planner->store, planner->times, record, item);
    item->builder = mem_strdup(selection->builder->id);
    if (index < owners->len && !owners->items[index].guess)
        mem_replace(&item->service, owners->items[index].service);
    item->embedded = selection->builder->embedded;
    item->forgets_steps = builder_forgets_steps(selection->builder);
    item->is_context = store_has_context(planner->store, selection->builder->id);
    item->size_bytes = record->size_bytes;
    item->base_bytes = frees(record);
    item->age_s = query_record_age(record, planner->now);
    item->reason = used_when(planner, record);
    item->gone_for_good = record_is_cache_mount(record);
    item->needs_all = needs_all(record);
    item->seen_at = record->last_used_at;
    item->usage_count = record->usage_count;
    add_parents(item, record);
}

static char *why_pinned(const struct selection *selection, size_t pin)
{
    const struct record *record = &selection->builder->records.items[pin];
    char *name = record_name(selection->planner->store, record);
    char *when = record->in_use ? mem_strdup("in use") : used_when(selection->planner, record);
    char *text = mem_printf("pinned by %s, %s", name, when);
    free(name);
    free(when);
    return text;
}

static char *why_kept(const struct selection *selection, size_t index)
{
    if (selection->wishes[index].withheld != NULL)
        return mem_strdup(selection->wishes[index].withheld);
    if (!selection->builder->records.items[index].in_use)
        return why_pinned(selection, selection->graph.nodes[index].pin);
    return mem_strdup(selection->planner->build_sign != NULL &&
                              !selection->builder->records.items[index].leaked
                          ? "in use by a build"
                          : "in use although no build runs: a failed build leaked it; "
                            "restarting the engine frees it");
}

static void keep_rest(const struct selection *selection)
{
    for (size_t i = 0; i < selection->builder->records.len; i++) {
        const struct record *record = &selection->builder->records.items[i];
        bool stays = selection->wishes[i].withheld != NULL || record->in_use ||
                     selection->graph.nodes[i].pin != SIZE_MAX;
        if (!selection->wishes[i].asked || !stays)
            continue;
        char *name = record_name(selection->planner->store, record);
        char *reason = why_kept(selection, i);
        planner_keep(selection->planner, ITEM_RECORD, record->id, name, reason)->size_bytes =
            record->size_bytes;
        free(name);
        free(reason);
    }
}

static void plan_builder(struct planner *planner, const struct builder *builder)
{
    struct selection selection;
    selection_init(&selection, planner, builder);
    record_graph_pin(&selection.graph);
    record_graph_sort(&selection.graph);
    for (size_t i = 0; i < selection.graph.order_len; i++)
        add_record(&selection, selection.graph.order[i]);
    keep_rest(&selection);
    selection_done(&selection);
}

/* ----------------------------------------------------------------- requests */

static const char *const known_types[] = {
    "regular", "source.local", "source.git.checkout", "exec.cachemount", "frontend", "internal",
};

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
    if (asked == NULL || *ret_builder != NULL)
        return 0;
    if (planner->store->builders_error != NULL)
        return err_set(err, ERR_PEER, "builder %s: %s", asked, planner->store->builders_error);
    return err_set(err, ERR_USAGE, "no such builder: %s", asked);
}

int planner_records(struct planner *planner, struct err *err)
{
    const struct query *query = planner->query;
    const struct builder *builder = NULL;
    int code = find_builder(planner, &builder, err);
    if (code == 0 && builder != NULL)
        code = check_type(builder, query->type, err);
    if (code < 0 || builder == NULL)
        return code;
    if (builder->reachable)
        plan_builder(planner, builder);
    else if (query->records)
        planner_keep(planner, ITEM_RECORD, builder->id, "records of this builder",
                     builder->error != NULL ? builder->error : "the builder does not answer");
    return 0;
}
