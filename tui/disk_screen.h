/* The disks: what is free, how it went in the last day and week, when they will
 * be full, and what grew. */
#ifndef BILGE_TUI_DISK_SCREEN_H
#define BILGE_TUI_DISK_SCREEN_H

#include "tui/screen.h"

struct screen *disk_screen_new(void);

#endif
