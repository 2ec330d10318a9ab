/* Writes a build's log to a file, away from the loop. */
#ifndef BILGE_TUI_LOG_SAVE_H
#define BILGE_TUI_LOG_SAVE_H

#include "core/builds/build.h"
#include "tui/app.h"

/* Says when the lines that the filter takes are written, or why not; the path
 * is said whole and remembered. Never overwrites a file. */
void log_save(struct app *app, const struct build *build, const struct logfilter *filter,
              const char *path);
/* A name for it: "api-20261122-131500.log". `service`: whose lines they are;
 * NULL: of all. The caller frees it. */
char *log_save_name(const struct build *build, const char *service);

#endif
