/* The keys that work on a screen, from the keymap. */
#ifndef BILGE_TUI_HELP_H
#define BILGE_TUI_HELP_H

#include "tui/screen.h"

/* `where`: one bit of enum keys_where; `title`: static text. */
struct screen *help_new(unsigned where, const char *title);

#endif
