/* What a guard has done: remembered while a removal runs (which takes the
 * plan), told line by line, and at the end as JSON. */
#ifndef BILGE_CLI_GUARD_ACTS_H
#define BILGE_CLI_GUARD_ACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/json.h"
#include "core/prune/plan.h"
#include "core/store/store.h"

struct act {
    enum item_kind kind;
    char *service; /* NULL: of none that is known */
    char *id, *title, *reason;
    int64_t size_bytes, frees_bytes, age_s;
    char *error; /* NULL: it is gone */
};

struct acts {
    FILE *out; /* where lines go */
    struct act *items;
    size_t len, cap;
    size_t told; /* of these, lines were written */
    bool forgets_steps; /* the plan that is carried out has the engine do so */
    bool all;    /* keep them all for the end; else only until they are told */
};

/* "2026-11-22T11:00:00Z " and the text, made safe, on a line of its own that is
 * written out at once. */
void acts_say(const struct acts *acts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Before the plan is carried out. */
void acts_add(struct acts *acts, const struct plan *plan);
/* After it: tells each act, with what became of it. */
void acts_tell(struct acts *acts, const struct prune_status *status);

/* Instead of it: nothing was carried out. */
void acts_forget(struct acts *acts);

void acts_json(const struct acts *acts, struct json *json);
void acts_done(struct acts *acts);

#endif
