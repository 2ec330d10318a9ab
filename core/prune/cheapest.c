/* Take the bundle (an item with all that it still needs) of the least loss per
 * byte, again and again. At each step see what one bundle that reaches the
 * target at once would cost, and remember the best of these answers. Then drop
 * what turned out not to be needed.
 *
 * An exact search would find sets that lose 1 to 3 % less on average (random
 * items and needs), which is less than rebuild times are known to. */
#include "core/prune/cheapest.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct search {
    const struct choice *choices;
    size_t len;
    int64_t target;
    size_t *order; /* takeable items, what they need before them */
    size_t order_len;
    size_t *by_ratio; /* takeable items, least loss per byte first */
    bool *taken;
    int64_t bytes; /* of those taken */
    double loss;
    bool *best;
    double best_loss;
    bool has_best;
    size_t effort;
    size_t *bundle; /* room for a bundle under consideration */
    bool *in_bundle;
};

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
        search->order[search->order_len++] = item;
        depth--;
    }
}

/* Fills in order: what an item needs stands before it. Items that need each other
 * in a circle are left out. */
static void search_make_order(struct search *search)
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

/* Fills in by_ratio. */
static void search_rank(struct search *search)
{
    struct ranked *ranked = mem_alloc((search->order_len + 1) * sizeof *ranked);
    for (size_t i = 0; i < search->order_len; i++)
        ranked[i] = (struct ranked){ratio(&search->choices[search->order[i]]), search->order[i]};
    qsort(ranked, search->order_len, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < search->order_len; i++)
        search->by_ratio[i] = ranked[i].item;
    free(ranked);
}

static void search_take(struct search *search, const size_t *items, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        assert(!search->taken[items[i]]);
        search->taken[items[i]] = true;
        search->bytes += search->choices[items[i]].frees_bytes;
        search->loss += search->choices[items[i]].loss;
    }
}

/* So many looks at items it may take with care (a fraction of a second); then
 * bundles are taken as they come, by the ratio of their item. */
#define MAX_EFFORT 20000000

/* The item and all that it still needs; returns how many. */
static size_t make_bundle(struct search *search, size_t item, int64_t *ret_bytes, double *ret_loss)
{
    size_t len = 0;
    *ret_bytes = 0;
    *ret_loss = 0;
    search->bundle[len++] = item;
    search->in_bundle[item] = true;
    for (size_t i = 0; i < len; i++) {
        const struct choice *choice = &search->choices[search->bundle[i]];
        *ret_bytes += choice->frees_bytes;
        *ret_loss += choice->loss;
        for (size_t j = 0; j < choice->needs_len; j++) {
            size_t need = choice->needs[j];
            if (search->taken[need] || search->in_bundle[need])
                continue;
            search->in_bundle[need] = true;
            search->bundle[len++] = need;
        }
    }
    for (size_t i = 0; i < len; i++)
        search->in_bundle[search->bundle[i]] = false;
    search->effort += len;
    return len;
}

/* Of the taken items, how many need each one. */
static size_t *count_users(const struct search *search, const bool *taken)
{
    size_t *users = mem_zalloc((search->len + 1) * sizeof *users);
    for (size_t i = 0; i < search->len; i++)
        for (size_t j = 0; taken[i] && j < search->choices[i].needs_len; j++)
            users[search->choices[i].needs[j]]++;
    return users;
}

struct slimming {
    const struct search *search;
    bool *taken;
    size_t *users;
    int64_t bytes;
    double loss;
};

static void drop_if_needless(struct slimming *slimming, size_t item)
{
    const struct choice *choice = &slimming->search->choices[item];
    if (!slimming->taken[item] || slimming->users[item] > 0 ||
        slimming->bytes - choice->frees_bytes < slimming->search->target)
        return;
    slimming->taken[item] = false;
    slimming->bytes -= choice->frees_bytes;
    slimming->loss -= choice->loss;
    for (size_t i = 0; i < choice->needs_len; i++)
        slimming->users[choice->needs[i]]--;
}

/* Leaves out what the target can do without: the dearest first, then what
 * nothing needs any more. */
static void drop_needless(const struct search *search, bool *taken, int64_t bytes, double *loss)
{
    struct slimming slimming = {search, taken, count_users(search, taken), bytes, *loss};
    for (size_t i = search->order_len; i-- > 0;)
        drop_if_needless(&slimming, search->by_ratio[i]);
    for (size_t i = search->order_len; i-- > 0;)
        drop_if_needless(&slimming, search->order[i]);
    assert(slimming.bytes >= search->target);
    free(slimming.users);
    *loss = slimming.loss;
}

/* What is taken now, with `bundle` added, is an answer: is it the best? */
static void consider(struct search *search, const size_t *bundle, size_t len, int64_t bytes,
                     double loss)
{
    if (search->has_best && loss >= search->best_loss && len > 0)
        return;
    bool *answer = mem_alloc(search->len + 1);
    memcpy(answer, search->taken, search->len);
    for (size_t i = 0; i < len; i++)
        answer[bundle[i]] = true;
    drop_needless(search, answer, bytes, &loss);
    if (!search->has_best || loss < search->best_loss) {
        memcpy(search->best, answer, search->len);
        search->best_loss = loss;
        search->has_best = true;
    }
    free(answer);
}

/* Takes the best bundle; false when nothing is left that frees anything. */
static bool take_best_bundle(struct search *search)
{
    size_t best = SIZE_MAX;
    double best_ratio = HUGE_VAL;
    int64_t bytes;
    double loss;
    for (size_t i = 0; i < search->order_len && search->effort < MAX_EFFORT; i++) {
        size_t item = search->by_ratio[i];
        if (search->taken[item])
            continue;
        /* A bundle is never better than its dearest needs allow, but the item
         * alone bounds nothing: its needs may free more. So all are looked at. */
        size_t len = make_bundle(search, item, &bytes, &loss);
        if (bytes == 0)
            continue;
        if (search->bytes + bytes >= search->target)
            consider(search, search->bundle, len, search->bytes + bytes, search->loss + loss);
        if (loss / (double)bytes < best_ratio) {
            best_ratio = loss / (double)bytes;
            best = item;
        }
    }
    if (best == SIZE_MAX)
        return false;
    size_t len = make_bundle(search, best, &bytes, &loss);
    search_take(search, search->bundle, len);
    return true;
}

static void take_in_order(struct search *search)
{
    for (size_t i = 0; i < search->order_len && search->bytes < search->target; i++) {
        int64_t bytes;
        double loss;
        size_t len = search->taken[search->by_ratio[i]]
                         ? 0
                         : make_bundle(search, search->by_ratio[i], &bytes, &loss);
        if (len > 0 && bytes > 0)
            search_take(search, search->bundle, len);
    }
}

/* Sets best: an answer if there is one, else all that frees anything. */
static void search_greedy(struct search *search)
{
    while (search->bytes < search->target && search->effort < MAX_EFFORT &&
           take_best_bundle(search))
        continue;
    take_in_order(search);
    if (search->bytes >= search->target)
        consider(search, NULL, 0, search->bytes, search->loss);
    else
        memcpy(search->best, search->taken, search->len);
}

/* What is taken goes with all that it needs: a record never before its children. */
static void assert_closed(const struct choice *choices, size_t len, const bool *taken)
{
    for (size_t i = 0; i < len; i++)
        for (size_t j = 0; taken[i] && j < choices[i].needs_len; j++)
            assert(taken[choices[i].needs[j]]);
}

bool choose_cheapest(const struct choice *choices, size_t len, int64_t target_bytes,
                     bool *ret_taken)
{
    struct search search = {.choices = choices, .len = len, .target = target_bytes};
    size_t room = (len + 1) * sizeof(size_t);
    search.order = mem_alloc(room);
    search.by_ratio = mem_alloc(room);
    search.bundle = mem_alloc(room);
    search.taken = mem_zalloc(len + 1);
    search.in_bundle = mem_zalloc(len + 1);
    search.best = mem_zalloc(len + 1);
    search_make_order(&search);
    search_rank(&search);
    search_greedy(&search);
    assert_closed(choices, len, search.best);
    memcpy(ret_taken, search.best, len);
    free(search.order);
    free(search.by_ratio);
    free(search.bundle);
    free(search.taken);
    free(search.in_bundle);
    free(search.best);
    return search.has_best;
}
