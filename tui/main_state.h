/* The inside of the main screen: for main_screen.c, which draws, and
 * main_commands.c, which acts. */
#ifndef BILGE_TUI_MAIN_STATE_H
#define BILGE_TUI_MAIN_STATE_H

#include <stdbool.h>

#include "tui/layout.h"
#include "tui/pane.h"
#include "tui/screen.h"
#include "tui/targets.h"

struct main_screen {
    struct screen screen;
    enum pane focus;
    struct pane_services services;
    struct pane_records records;
    struct pane_build build;
    struct layout layout; /* as last drawn */
    bool open;            /* the panes have their app */
    bool zoomed;          /* the pane in focus alone */
    bool deleting;        /* a removal was under way when the store last moved */
};

unsigned main_where(const struct screen *screen);
/* Brings the rows in step with the store; before they are used in any way. */
void main_sync(struct main_screen *main);
/* The list in focus; NULL: it is the build's steps. */
struct list *main_list(struct main_screen *main);

void main_command(struct screen *screen, enum command command);
/* A command that the pane in focus answers to by itself; else false. */
bool main_pane_command(struct main_screen *main, enum command command);

/* What the marks, or the cursor, mean. */
void main_get_targets(const struct main_screen *main, struct targets *ret_targets);

/* ---- main_builds.c */
/* A command about builds; false: it is none. */
bool main_build_command(struct main_screen *main, enum command command);
/* The log of the step under the cursor alone. */
void main_open_step(struct main_screen *main);

#endif
