/* The greedy answer: take the bundle (an item with all that it still needs) of
 * the least loss per byte, again and again; at each step see what one bundle
 * that reaches the target at once would cost, and remember the best of these
 * answers; then drop what turned out not to be needed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/choose_private.h"

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
    for (size_t i = 0; i < len; i++)
        search_take(search, search->bundle[i], true);
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
        for (size_t j = 0; j < len && bytes > 0; j++)
            search_take(search, search->bundle[j], true);
    }
}

void search_greedy(struct search *search)
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
