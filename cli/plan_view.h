/* A plan on paper: as text for a person, as JSON for a script. */
#ifndef BILGE_CLI_PLAN_VIEW_H
#define BILGE_CLI_PLAN_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/json.h"
#include "core/prune/plan.h"

/* Every item with its bytes and reason, what is kept and why, what the next
 * build loses, the docker command that does the same. */
void plan_print(const struct plan *plan, FILE *out);

/* What has changed between two plans of the same query: items that have come,
 * gone, or give back other bytes. False, and nothing printed: nothing has. */
bool plan_print_changes(const struct plan *before, const struct plan *after, FILE *out);

/* The same: "items", "kept", "docker", "wanted" and "planned", inside an object
 * that the caller has begun. */
void plan_json(const struct plan *plan, struct json *json);

/* How many of the kept ones would go if nobody were exporting. */
size_t plan_busy(const struct plan *plan);
/* How many could not be looked at. */
size_t plan_unread(const struct plan *plan);

#endif
