/* The menu of what to prune. Each choice leads to a plan. */
#ifndef BILGE_TUI_PRUNE_MENU_H
#define BILGE_TUI_PRUNE_MENU_H

#include "tui/screen.h"
#include "tui/targets.h"

/* Takes the content of *targets. */
struct screen *prune_menu_new(struct targets *targets);

/* As if "free so much" had been chosen in it; the menu is on the screen. */
void prune_menu_ask_size(struct screen *menu);

#endif
