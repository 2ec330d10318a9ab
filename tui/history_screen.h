/* The builds that bilge ran: a list, the steps of one, two side by side. */
#ifndef BILGE_TUI_HISTORY_SCREEN_H
#define BILGE_TUI_HISTORY_SCREEN_H

#include "tui/screen.h"

/* `service` NULL: of all. Copied. */
struct screen *history_screen_new(const char *service);

#endif
