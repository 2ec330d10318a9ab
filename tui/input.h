/* One line of typing at the bottom of the screen: filter, search, age, file. */
#ifndef BILGE_TUI_INPUT_H
#define BILGE_TUI_INPUT_H

#include <stdbool.h>

#include "tui/kit/screen.h"

struct input_ops {
    /* At each key: `text` is what stands there now. NULL: not wanted. */
    void (*on_change)(void *arg, const char *text);
    /* Enter. False keeps the line open (what is wrong was said). */
    bool (*on_accept)(void *arg, const char *text);
    /* Escape. NULL: nothing to undo. */
    void (*on_cancel)(void *arg);
};

/* `prompt` is static text; `text` stands in the line at first. `arg` must
 * outlive the line: it belongs to the screen below. */
struct screen *input_new(const char *prompt, const char *text, const struct input_ops *ops,
                         void *arg);

#endif
