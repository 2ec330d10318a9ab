/* The whole log of a build: follow, wrap, search, save. */
#ifndef BILGE_TUI_LOG_SCREEN_H
#define BILGE_TUI_LOG_SCREEN_H

#include <stdint.h>

#include "tui/screen.h"

/* `step`: begin at its first line; 0: at the end, following. */
struct screen *log_screen_new(uint64_t build_id, int step);

#endif
