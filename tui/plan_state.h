/* The inside of the plan screen: for plan_screen.c, which acts, and
 * plan_view.c, which draws. */
#ifndef BILGE_TUI_PLAN_STATE_H
#define BILGE_TUI_PLAN_STATE_H

#include <stdbool.h>

#include <uv.h>

#include "core/prune/plan.h"
#include "tui/plan_rows.h"
#include "tui/screen.h"
#include "tui/scroll.h"
#include "tui/targets.h"

struct plan_screen {
    struct screen screen;
    struct targets targets; /* owns the strings of the query */
    struct query query;
    struct plan *plan; /* NULL while it is being made */
    /* The plan that was said yes to when it was too old, once it was made again;
     * else NULL. */
    struct plan *before;
    struct plan_changes changes; /* since then; all zero without one */
    struct plan_item *left_out;  /* what they are about: these stay out of later plans, too */
    size_t left_out_len;
    char *error;     /* instead of a plan */
    char *command;   /* the docker command that does the same; NULL: none */
    bool drawn;      /* this very plan: what was not shown is not deleted */
    bool waiting;    /* until nothing is busy */
    bool agreed;     /* yes was said, and the plan is being made again */
    struct plan_rows rows;
    struct scroll scroll;
    uv_timer_t timer; /* asks again while waiting */
};

unsigned plan_where(const struct screen *screen);
void plan_draw(struct screen *screen, const struct canvas *canvas);

#endif
