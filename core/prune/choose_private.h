/* Private to core/prune/choose*: the search for the cheapest set. choose_search.c
 * puts the items into their orders and keeps what is taken, choose_greedy.c finds
 * the first answer, choose.c betters it. */
#ifndef BILGE_PRUNE_CHOOSE_PRIVATE_H
#define BILGE_PRUNE_CHOOSE_PRIVATE_H

#include "core/prune/choose.h"

struct search {
    const struct choice *choices;
    size_t len;
    int64_t target;
    size_t *order; /* takeable items, what they need before them */
    size_t order_len;
    size_t *by_ratio; /* takeable items, least loss per byte first */
    size_t *position; /* of an item in order */
    bool *taken;
    int64_t bytes; /* of those taken */
    double loss;
    bool *best;
    double best_loss;
    bool has_best;
    size_t steps;
    size_t effort;
    size_t *bundle; /* room for a bundle under consideration */
    bool *in_bundle;
};

/* Fills in order and position: what an item needs stands before it. Items that
 * need each other in a circle are left out. */
void search_make_order(struct search *search);
/* Fills in by_ratio. */
void search_rank(struct search *search);

/* Takes the item, or gives it back. */
void search_take(struct search *search, size_t item, bool taken);
/* Sets best: an answer if there is one, else all that frees anything. */
void search_greedy(struct search *search);

#endif
