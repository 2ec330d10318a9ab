/* A plan on request. */
#ifndef BILGE_APP_PLANNING_H
#define BILGE_APP_PLANNING_H

#include <stdbool.h>

#include "core/bilge.h"

struct builds;
struct engines;
struct hub;
struct known_projects;
struct planning;
struct project;
struct pruning;
struct scanning;
struct services;

/* Below it: what a plan is made from, looked at first. */
struct planning_needs {
    struct hub *hub;
    struct scanning *scanning;
    struct services *services;
    struct engines *engines;
    struct builds *builds;
    struct project *project;
    struct known_projects *projects;
    struct pruning *pruning;
};

struct planning *planning_new(const struct planning_needs *needs);
void planning_free(struct planning *planning);

/* See bilge_plan(). */
int planning_ask(struct planning *planning, const struct query *query, bilge_plan_cb *on_plan,
                 void *arg, struct err *err);
bool planning_is_on(const struct planning *planning);
/* on_plan will not run. */
void planning_cancel(struct planning *planning);

#endif
