#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/prune/choose_private.h"

enum mark { UNSEEN, OPEN, PLACED, IMPOSSIBLE };

/* Depth first, without recursion: a chain of records may be long. An item that
 * is met while it is open needs itself: impossible, and so are its users. */
static void place_from(struct search *search, enum mark *marks, size_t *stack, size_t *next,
                       size_t start)
{
    size_t depth = 0;
    stack[depth++] = start;
    marks[start] = OPEN;
    next[start] = 0;
    while (depth > 0) {
        size_t item = stack[depth - 1];
        const struct choice *choice = &search->choices[item];
        if (next[item] < choice->needs_len) {
            size_t need = choice->needs[next[item]];
            if (marks[need] == UNSEEN) {
                marks[need] = OPEN;
                next[need] = 0;
                stack[depth++] = need;
                continue;
            }
            if (marks[need] != PLACED) {
                marks[item] = IMPOSSIBLE;
                depth--;
                continue;
            }
            next[item]++;
            continue;
        }
        marks[item] = PLACED;
        search->position[item] = search->order_len;
        search->order[search->order_len++] = item;
        depth--;
    }
}

void search_make_order(struct search *search)
{
    enum mark *marks = mem_zalloc((search->len + 1) * sizeof *marks);
    size_t *stack = mem_alloc((search->len + 1) * sizeof *stack);
    size_t *next = mem_alloc((search->len + 1) * sizeof *next);
    for (size_t i = 0; i < search->len; i++)
        if (marks[i] == UNSEEN)
            place_from(search, marks, stack, next, i);
    free(marks);
    free(stack);
    free(next);
}

static double ratio(const struct choice *choice)
{
    if (choice->frees_bytes == 0)
        return choice->loss > 0 ? HUGE_VAL : 0;
    return choice->loss / (double)choice->frees_bytes;
}

struct ranked {
    double ratio;
    size_t item;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->ratio != y->ratio)
        return x->ratio < y->ratio ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

void search_rank(struct search *search)
{
    struct ranked *ranked = mem_alloc((search->order_len + 1) * sizeof *ranked);
    for (size_t i = 0; i < search->order_len; i++)
        ranked[i] = (struct ranked){ratio(&search->choices[search->order[i]]), search->order[i]};
    qsort(ranked, search->order_len, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < search->order_len; i++)
        search->by_ratio[i] = ranked[i].item;
    free(ranked);
}

void search_take(struct search *search, size_t item, bool taken)
{
    if (search->taken[item] == taken)
        return;
    search->taken[item] = taken;
    search->bytes += taken ? search->choices[item].frees_bytes : -search->choices[item].frees_bytes;
    search->loss += taken ? search->choices[item].loss : -search->choices[item].loss;
}
