/* A removal under way, and then what came of it. */
#ifndef BILGE_TUI_PROGRESS_SCREEN_H
#define BILGE_TUI_PROGRESS_SCREEN_H

#include "tui/screen.h"

struct screen *progress_screen_new(void);

#endif
