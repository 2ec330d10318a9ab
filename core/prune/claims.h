/* Private to core/prune: which records are the services' that a query names. */
#ifndef BILGE_PRUNE_CLAIMS_H
#define BILGE_PRUNE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/prune/planner.h"

struct claims {
    const struct query *query;
    const struct owners *owners;
    bool *meant; /* of the owners' services: those that the query names */
};

/* Borrows from the planner and the builder. */
void claims_init(struct claims *claims, const struct planner *planner,
                 const struct builder *builder);
void claims_done(struct claims *claims);

/* Does the record belong to a service that the query names, or does it name
 * none? What others own too, or what is a guess, is withheld unless it was asked
 * for: *ret_withheld says why, else it is NULL. The caller frees it. */
bool claims_hold(const struct claims *claims, size_t index, char **ret_withheld);

#endif
