/* A plan of links, with what it was made of, and how it is shown. */
#ifndef BILGE_TUI_CARE_LINKS_H
#define BILGE_TUI_CARE_LINKS_H

#include "core/cache/dedupe.h"
#include "core/store/store.h"
#include "tui/page.h"

struct care_links {
    struct dedupe_plan plan;
    char **ids, **names; /* of the rows, in the plan's order; copies */
    int64_t *created_at; /* of each item's layer */
    size_t len;
};

/* Over all caches that are read and not busy. */
void care_links_make(struct care_links *links, const struct store *store);
void care_links_done(struct care_links *links);
/* Sums, then the largest. */
void care_links_show(const struct care_links *links, struct page *page, const struct store *store);

#endif
