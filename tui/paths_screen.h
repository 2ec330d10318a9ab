/* The paths that have to do with a build or one of its steps, to be copied:
 * saved log, Dockerfile, context, cache. They are shown whole, for terminals
 * that keep the clipboard from programs. */
#ifndef BILGE_TUI_PATHS_SCREEN_H
#define BILGE_TUI_PATHS_SCREEN_H

#include "core/builds/build.h"
#include "tui/app.h"

/* Opens it; says so when there is no path. `step`: 0: of none. */
void paths_screen_open(struct app *app, const struct build *build, int step);

#endif
