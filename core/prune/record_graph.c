#include "core/prune/record_graph.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/base/mem.h"

void record_graph_init(struct record_graph *graph, const struct records *records)
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

void record_graph_done(struct record_graph *graph)
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

void record_graph_pin(struct record_graph *graph)
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

void record_graph_sort(struct record_graph *graph)
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
