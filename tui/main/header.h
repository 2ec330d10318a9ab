/* The first line: what is looked at, with what, and how full the disk is. */
#ifndef BILGE_TUI_MAIN_HEADER_H
#define BILGE_TUI_MAIN_HEADER_H

#include "tui/app.h"

void header_draw(const struct app *app, const struct canvas *canvas);

#endif
