#include "tui/care_links.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/description.h"

enum { SHOWN = 100 };

static bool takes_part(const struct service *service)
{
    return service->cache != NULL && service->cache->state == CACHE_OK &&
           service_busy_sign(service) == NULL;
}

void care_links_make(struct care_links *links, const struct store *store)
{
    const struct cache **caches = mem_alloc((store->services_len + 1) * sizeof *caches);
    links->ids = mem_zalloc((store->services_len + 1) * sizeof *links->ids);
    links->names = mem_zalloc((store->services_len + 1) * sizeof *links->names);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        if (!takes_part(service))
            continue;
        caches[links->len] = service->cache;
        links->ids[links->len] = mem_strdup(service->id);
        links->names[links->len++] = mem_strdup(service->name);
    }
    dedupe_make(caches, links->len, &links->plan);
    links->created_at = mem_zalloc((links->plan.len + 1) * sizeof *links->created_at);
    for (size_t i = 0; i < links->plan.len; i++) {
        const struct dedupe_item *item = &links->plan.items[i];
        uint32_t blob = cache_find_blob(caches[item->to], &item->digest);
        links->created_at[i] = blob != CACHE_NONE ? caches[item->to]->blobs[blob].created_at : 0;
    }
    free(caches);
}

void care_links_done(struct care_links *links)
{
    for (size_t i = 0; i < links->len; i++) {
        free(links->ids[i]);
        free(links->names[i]);
    }
    free(links->ids);
    free(links->names);
    free(links->created_at);
    dedupe_done(&links->plan);
}

static int by_size(const void *a, const void *b)
{
    const struct dedupe_item *x = *(const struct dedupe_item *const *)a;
    const struct dedupe_item *y = *(const struct dedupe_item *const *)b;
    if (x->size_bytes != y->size_bytes)
        return (x->size_bytes < y->size_bytes) - (x->size_bytes > y->size_bytes);
    return (x > y) - (x < y);
}

static void show_item(const struct care_links *links, size_t i, struct page *page,
                      const struct store *store)
{
    const struct dedupe_item *item = &links->plan.items[i];
    const char *text =
        links->created_at[i] != 0 ? store_layer_text(store, links->created_at[i]) : NULL;
    char *words = text != NULL ? description_of_step(text) : NULL;
    char size[TEXT_SIZE_SIZE], hex[DIGEST_HEX_SIZE];
    page_add(page, STYLE_NORMAL, "%9s  %.12s  %s becomes a link to that of %s%s%s",
             text_size(size, item->size_bytes), digest_hex(hex, &item->digest),
             links->names[item->to], links->names[item->from], words != NULL ? ": " : "",
             words != NULL ? words : "");
    free(words);
}

void care_links_show(const struct care_links *links, struct page *page, const struct store *store)
{
    const struct dedupe_plan *plan = &links->plan;
    const struct dedupe_item **sorted = mem_alloc((plan->len + 1) * sizeof *sorted);
    char size[TEXT_SIZE_SIZE];
    page_add(page, plan->len > 0 ? STYLE_GOOD : STYLE_NORMAL,
             plan->len > 0 ? "Gives back %s: identical blobs become one file with several names"
                           : "Nothing is there twice; linking would give back %s",
             text_size(size, plan->frees_bytes));
    page_add(page, STYLE_NORMAL, "Saved by links already: %s", text_size(size, plan->linked_bytes));
    page_add(page, STYLE_DIM, "Each is read and verified before it is linked; builds notice "
                              "nothing. Busy caches are left out.");
    if (plan->len > 0)
        page_title(page, "The largest");
    for (size_t i = 0; i < plan->len; i++)
        sorted[i] = &plan->items[i];
    qsort(sorted, plan->len, sizeof *sorted, by_size);
    for (size_t i = 0; i < plan->len && i < SHOWN; i++)
        show_item(links, (size_t)(sorted[i] - plan->items), page, store);
    if (plan->len > SHOWN)
        page_add(page, STYLE_DIM, "and %zu more", plan->len - SHOWN);
    free(sorted);
}
