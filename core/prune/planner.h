/* Private to core/prune: how the parts of plan_make() build a plan together. */
#ifndef BILGE_PRUNE_PLANNER_H
#define BILGE_PRUNE_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/strlist.h"
#include "core/prune/plan.h"

struct step_times;

/* Ids with their places, to be found quickly. Several places may have the
 * same id: any of them is found. */
struct id_slot {
    const char *id; /* borrowed */
    size_t index;
};
void id_slots_sort(struct id_slot *slots, size_t len);
/* SIZE_MAX when it is not there. */
size_t id_slots_find(const struct id_slot *slots, size_t len, const char *id);

struct planner {
    const struct store *store;
    const struct query *query;
    struct query_match match; /* the same conditions, ready to be held against things */
    int64_t now;
    struct plan *plan;
    bool *chosen;             /* rows of the store that the query's services name */
    struct strlist named;     /* the names of these services */
    struct id_slot *ids;      /* of the query, sorted */
    bool *ids_found;          /* of each of them */
    char *build_sign;         /* a build under way, see leaks.h; NULL: none */
    struct step_times *times; /* to tell what is lost */
};

/* Zeroed, at the end of the plan; the pointer is good until the next one. The
 * title is copied and made fit for a terminal. */
struct plan_item *planner_add(struct planner *planner, enum item_kind kind, const char *id,
                              const char *title);
struct plan_kept *planner_keep(struct planner *planner, enum item_kind kind, const char *id,
                               const char *title, const char *reason);

/* Whole seconds since then; -1 when that is not known, 0 when it lies ahead. */
int64_t planner_age(const struct planner *planner, int64_t at);
/* Do this age and this size satisfy the query? An unknown age only when none is
 * asked for. */
bool planner_wants(const struct planner *planner, int64_t age_s, int64_t size_bytes);
/* Does the query name this id, or none at all? Notes which were found. */
bool planner_names(struct planner *planner, const char *id);

void plan_item_done(struct plan_item *item);
void plan_forget_kept(struct plan *plan);
/* Works out frees_bytes of all items, and their sum. */
void plan_count(struct plan *plan);
/* Which links go, as things stand: links_len flags, the caller's to free. */
bool *plan_going(const struct plan *plan);

void planner_caches(struct planner *planner);
/* May the directory go as a whole, as far as it depends on whose it is? */
bool planner_takes_whole(const struct planner *planner, const struct service *row);
int planner_records(struct planner *planner, struct err *err);
/* All that could go to make room, each with its loss. */
int planner_candidates(struct planner *planner, struct err *err);

#endif
