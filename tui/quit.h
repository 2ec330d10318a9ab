/* Asks before quitting stops what runs. */
#ifndef BILGE_TUI_QUIT_H
#define BILGE_TUI_QUIT_H

#include "tui/screen.h"

struct screen *quit_new(struct app *app);
/* Ctrl-C: quits, or asks; where it was asked already, that is the yes. */
void quit_interrupt(struct app *app, const struct screen *top);

#endif
