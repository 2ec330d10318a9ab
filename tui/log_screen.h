/* The log of a build: follow, wrap, search, errors, one service or step, save. */
#ifndef BILGE_TUI_LOG_SCREEN_H
#define BILGE_TUI_LOG_SCREEN_H

#include <stdint.h>

#include "tui/screen.h"

/* At the first error when there is one, else at the end, following. */
struct screen *log_screen_new(uint64_t build_id);
/* This step alone. */
struct screen *log_screen_for_step(uint64_t build_id, int step);

#endif
