/* One screen of the stack: a const table of functions and its own state. A
 * dialog is a screen too; there is no nested loop.
 *
 * Functions here change state, or ask the app for something; only draw()
 * draws. */
#ifndef BILGE_TUI_KIT_SCREEN_H
#define BILGE_TUI_KIT_SCREEN_H

#include <stdbool.h>

#include "tui/kit/canvas.h"
#include "tui/kit/keymap.h"
#include "tui/kit/term.h"

struct app;
struct screen;

struct screen_ops {
    const char *title; /* of its help */
    bool over;         /* the screen below is drawn first */
    /* Which row of the keymap holds just now: one bit of enum keys_where. */
    unsigned (*where)(const struct screen *screen);
    void (*draw)(struct screen *screen, const struct canvas *canvas);
    void (*command)(struct screen *screen, enum command command);
    /* NULL: keys go through the keymap. */
    void (*key)(struct screen *screen, int key);
    void (*mouse)(struct screen *screen, const struct term_mouse *mouse);
    /* The store has moved; may be NULL. */
    void (*changed)(struct screen *screen);
    void (*free)(struct screen *screen);
};

/* The first member of each screen's own struct. */
struct screen {
    const struct screen_ops *ops;
    struct app *app;
    struct screen *below;
    bool closing; /* app_close() was called; goes before the next draw */
};

#endif
