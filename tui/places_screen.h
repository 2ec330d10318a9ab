/* Where builds and records are: the builders with their nodes, and docker's
 * contexts. Enter on a builder shows its records, on a context goes there. */
#ifndef BILGE_TUI_PLACES_SCREEN_H
#define BILGE_TUI_PLACES_SCREEN_H

#include "tui/app.h"

/* on_builder: this builder's records are wanted (a name; borrowed). */
void places_screen_open(struct app *app, void (*on_builder)(void *arg, const char *builder),
                        void *arg);

#endif
