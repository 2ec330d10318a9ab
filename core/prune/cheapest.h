/* The cheapest set that frees enough: a knapsack turned round (cover at least
 * so many bytes with the least loss), where an item may need others to go
 * first, as a record needs its children to. */
#ifndef BILGE_PRUNE_CHEAPEST_H
#define BILGE_PRUNE_CHEAPEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choice {
    int64_t frees_bytes; /* not negative */
    double loss;         /* not negative; any unit, the same for all */
    const size_t *needs; /* indices of those that must be taken with it */
    size_t needs_len;
};

/* Sets ret_taken[i] for each of the chosen ones. False when all together free
 * less than target_bytes; then all that free anything are taken. Items that
 * need each other in a circle are never taken. Close to the least loss, not
 * exact; the same choices always give the same answer. Pure. */
bool choose_cheapest(const struct choice *choices, size_t len, int64_t target_bytes,
                     bool *ret_taken);

#endif
