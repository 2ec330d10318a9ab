/* What the details screens say. */
#ifndef BILGE_TUI_DETAILS_PAGES_H
#define BILGE_TUI_DETAILS_PAGES_H

#include "tui/app.h"
#include "tui/page.h"

void details_add_service(struct page *page, const struct app *app, const struct service *service);
void details_add_record(struct page *page, const struct app *app, const struct builder *builder,
                        const struct record *record, const char *owner);

#endif
