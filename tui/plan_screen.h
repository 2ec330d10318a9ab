/* The plan: every item that a prune would delete, with bytes and reasons, and
 * what is kept and why. `y` carries it out; anything else is no. */
#ifndef BILGE_TUI_PLAN_SCREEN_H
#define BILGE_TUI_PLAN_SCREEN_H

#include <stdbool.h>

#include "core/prune/query.h"
#include "tui/screen.h"
#include "tui/targets.h"

/* Asks core for the plan and opens the screen on it. The query may point into
 * *targets, whose content this takes. */
void plan_screen_open(struct app *app, const struct query *query, struct targets *targets);

/* The whole caches that are meant, with the records that are theirs alone, or
 * (`records`) the records that are meant; takes the content of *targets. */
void plan_screen_for_targets(struct app *app, struct targets *targets, bool records);

#endif
