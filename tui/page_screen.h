/* The keys of a page that fills a screen and can be searched. */
#ifndef BILGE_TUI_PAGE_SCREEN_H
#define BILGE_TUI_PAGE_SCREEN_H

#include "tui/app.h"
#include "tui/page.h"

/* Movement, search and its matches; says what was not found. False when the
 * command is none of these. The page must live as long as the screen on top. */
bool page_screen_command(struct app *app, struct page *page, enum command command);

#endif
