/* First a greedy answer (choose_greedy.c).
 *
 * Then a search that takes or leaves one item after the other, cut off where
 * even a fractional filling of the rest can't beat the best answer so far. For
 * a few dozen items it runs to its end and the answer is exact; for more it is
 * stopped after a bounded number of steps. */
#include "core/prune/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/choose_private.h"

#define MAX_STEPS 200000
/* The recursion is as deep as there are items, so large sets do without. */
#define MAX_EXPLORED 64

/* The least loss at which the items from `from` on could fill the gap, if they
 * could be taken in parts and needed nothing. */
static double bound(const struct search *search, size_t from)
{
    int64_t gap = search->target - search->bytes;
    double loss = search->loss;
    for (size_t i = 0; i < search->order_len && gap > 0; i++) {
        size_t item = search->by_ratio[i];
        const struct choice *choice = &search->choices[item];
        if (search->position[item] < from)
            continue;
        if (choice->frees_bytes >= gap)
            return loss + choice->loss * ((double)gap / (double)choice->frees_bytes);
        gap -= choice->frees_bytes;
        loss += choice->loss;
    }
    return gap > 0 ? HUGE_VAL : loss;
}

static bool can_take(const struct search *search, size_t item)
{
    const struct choice *choice = &search->choices[item];
    for (size_t i = 0; i < choice->needs_len; i++)
        if (!search->taken[choice->needs[i]])
            return false;
    return true;
}

static void explore(struct search *search, size_t from)
{
    if (search->bytes >= search->target) {
        if (search->loss < search->best_loss) {
            memcpy(search->best, search->taken, search->len);
            search->best_loss = search->loss;
        }
        return;
    }
    if (from == search->order_len || ++search->steps > MAX_STEPS ||
        bound(search, from) >= search->best_loss)
        return;
    size_t item = search->order[from];
    if (can_take(search, item)) {
        search_take(search, item, true);
        explore(search, from + 1);
        search_take(search, item, false);
    }
    explore(search, from + 1);
}

bool choose_cheapest(const struct choice *choices, size_t len, int64_t target_bytes,
                     bool *ret_taken)
{
    struct search search = {.choices = choices, .len = len, .target = target_bytes};
    size_t room = (len + 1) * sizeof(size_t);
    search.order = mem_alloc(room);
    search.by_ratio = mem_alloc(room);
    search.position = mem_zalloc(room);
    search.bundle = mem_alloc(room);
    search.taken = mem_zalloc(len + 1);
    search.in_bundle = mem_zalloc(len + 1);
    search.best = mem_zalloc(len + 1);
    search_make_order(&search);
    search_rank(&search);
    search_greedy(&search);
    if (search.has_best && search.best_loss > 0 && search.order_len <= MAX_EXPLORED) {
        memset(search.taken, 0, len);
        search.bytes = 0;
        search.loss = 0;
        explore(&search, 0);
    }
    memcpy(ret_taken, search.best, len);
    free(search.order);
    free(search.by_ratio);
    free(search.position);
    free(search.bundle);
    free(search.taken);
    free(search.in_bundle);
    free(search.best);
    return search.has_best;
}
