/* The main screen: header, the panes of services, records and build, footer. */
#ifndef BILGE_TUI_MAIN_SCREEN_H
#define BILGE_TUI_MAIN_SCREEN_H

#include "tui/screen.h"

struct screen *main_screen_new(void);

#endif
