/* What the details screens say. */
#ifndef BILGE_TUI_DETAILS_PAGES_H
#define BILGE_TUI_DETAILS_PAGES_H

#include "tui/app.h"
#include "tui/page.h"

/* The generation that the cursor is on: the chosen one while it is there, else
 * the one that a restore is most likely meant for. CACHE_NONE: there is none. */
uint32_t details_generation(const struct cache *cache, const struct digest *chosen);

/* Says on which line the cursor is. */
size_t details_add_service(struct page *page, const struct app *app, const struct service *service,
                           uint32_t generation);

/* Parts of it. */
size_t details_add_generations(struct page *page, const struct app *app, const struct cache *cache,
                               uint32_t current);
void details_add_shrunken(struct page *page, const struct cache *cache);
void details_add_blobs(struct page *page, const struct store *store, const struct cache *cache);
void details_add_common(struct page *page, const struct store *store,
                        const struct service *service);

void details_add_record(struct page *page, const struct app *app, const struct builder *builder,
                        const struct record *record, const char *owner);

#endif
