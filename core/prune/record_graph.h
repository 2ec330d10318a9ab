/* Private to core/prune: the records of a builder and what stands on what.
 * BuildKit removes no record that a child still needs.
 * Source: moby/buildkit cache/manager.go, prune(). Pure. */
#ifndef BILGE_PRUNE_RECORD_GRAPH_H
#define BILGE_PRUNE_RECORD_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/record.h"
#include "core/prune/planner.h"

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

/* Borrows the records. Nothing goes yet. */
void record_graph_init(struct record_graph *graph, const struct records *records);
void record_graph_done(struct record_graph *graph);

/* What stays keeps its parents, and these theirs: they do not go either. What is
 * named as the pin is the record at the root of it. */
void record_graph_pin(struct record_graph *graph);
/* Puts what goes into `order`, children before their parents. A circle, which no
 * engine makes, is left out. */
void record_graph_sort(struct record_graph *graph);

#endif
