/* Care for caches on the screen: verify and repair one, restore a generation,
 * link what several hold alike. Shows the plan (of links), the progress, then
 * what came of it; stays until that is read. */
#ifndef BILGE_TUI_CARE_SCREEN_H
#define BILGE_TUI_CARE_SCREEN_H

#include "core/cache/cache.h"
#include "tui/screen.h"

/* Each puts the screen on top; a refusal is said to the user. */
void care_screen_verify(struct app *app, const char *service_id);
/* To be asked before; here it is done. */
void care_screen_restore(struct app *app, const char *service_id, const struct digest *generation);
/* The plan first; `y` links. */
void care_screen_link(struct app *app);

#endif
