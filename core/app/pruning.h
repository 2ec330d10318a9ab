/* A removal on request. */
#ifndef BILGE_APP_PRUNING_H
#define BILGE_APP_PRUNING_H

#include "core/bilge.h"

struct builds;
struct disks;
struct engines;
struct hub;
struct lanes;
struct pruning;
struct roots;
struct scanning;
struct services;

/* Below it: what a removal changes. */
struct pruning_needs {
    struct hub *hub;
    struct lanes *lanes;
    struct roots *roots;
    struct scanning *scanning;
    struct services *services;
    struct engines *engines;
    struct builds *builds;
    struct disks *disks;
};

struct pruning *pruning_new(const struct pruning_needs *needs);
void pruning_free(struct pruning *pruning);

/* See bilge_execute() and bilge_execute_cancel(). */
int pruning_start(struct pruning *pruning, struct plan *plan, struct err *err);
void pruning_stop(struct pruning *pruning);
bool pruning_is_on(const struct pruning *pruning);
/* Now and then while it runs: one that waits only for what does not answer is ended, as
 * far as anybody else can see. */
void pruning_look(struct pruning *pruning);
/* While closing: stops between two items; is it over, but for what hangs? That is left
 * behind. */
void pruning_cancel(struct pruning *pruning);
bool pruning_is_over(const struct pruning *pruning);
void pruning_leave(struct pruning *pruning);

#endif
