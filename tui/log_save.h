/* Writes a build's log to a file, away from the loop. */
#ifndef BILGE_TUI_LOG_SAVE_H
#define BILGE_TUI_LOG_SAVE_H

#include "core/build/build.h"
#include "tui/app.h"

/* Says when it is done, or why not. Never overwrites a file. */
void log_save(struct app *app, const struct build *build, const char *path);

#endif
