/* A question in the middle of the screen: yes, or anything else is no. */
#ifndef BILGE_TUI_ASK_H
#define BILGE_TUI_ASK_H

#include <stdbool.h>

#include "tui/kit/screen.h"

typedef void ask_yes_cb(void *arg);

/* `title` and `yes` (what yes does) are static text; `text` is copied and
 * wrapped. on_yes runs after the question has been taken off. */
struct screen *ask_new(const char *title, const char *text, const char *yes, ask_yes_cb *on_yes,
                       void *arg);
/* Is this the question with that answer? */
bool ask_is(const struct screen *screen, ask_yes_cb *on_yes);

#endif
