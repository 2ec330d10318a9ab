/* One remembered build with its steps, or two side by side. */
#ifndef BILGE_TUI_HISTORY_PAGE_H
#define BILGE_TUI_HISTORY_PAGE_H

#include <stdint.h>

#include "tui/screen.h"

/* `other` 0: the steps of the one build. Else it is compared with that one, the
 * earlier of the two first. */
struct screen *history_page_new(int64_t id, int64_t other);

#endif
