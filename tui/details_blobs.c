/* What takes the room in a cache, and who else has the same. */
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/bilge.h"
#include "core/store/description.h"
#include "tui/details_pages.h"
#include "tui/format.h"

enum { LARGEST = 10, OTHERS_MAX = 50 };

/* Manifests and configs are small and told of elsewhere. */
static size_t find_largest(const struct cache *cache, const struct cache_blob **ret_blobs)
{
    size_t len = 0;
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        if (blob->role == BLOB_MANIFEST || blob->role == BLOB_CONFIG)
            continue;
        size_t at = len < LARGEST ? len++ : LARGEST - 1;
        if (at == LARGEST - 1 && ret_blobs[at] != NULL &&
            ret_blobs[at]->allocated_bytes >= blob->allocated_bytes)
            continue;
        for (; at > 0 && ret_blobs[at - 1]->allocated_bytes < blob->allocated_bytes; at--)
            ret_blobs[at] = ret_blobs[at - 1];
        ret_blobs[at] = blob;
    }
    return len;
}

/* A layer of a base image has a record without any text. */
static bool is_of_base_image(const struct store *store, int64_t created_at)
{
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct records *records = &store->builders[i].records;
        for (size_t j = 0; j < records->len; j++)
            if (records->items[j].created_at == created_at &&
                records->items[j].description[0] == '\0')
                return true;
    }
    return false;
}

static char *step_of(const struct store *store, const struct cache_blob *blob)
{
    const char *text = blob->created_at != 0 ? store_layer_text(store, blob->created_at) : NULL;
    char *words = text != NULL ? description_of_step(text) : NULL;
    if (words == NULL && blob->created_at != 0 && is_of_base_image(store, blob->created_at))
        words = mem_strdup("layer of a base image");
    return words != NULL ? words : mem_strdup("step not known: no record of it was seen");
}

static const char *class_name(const struct cache_blob *blob, enum style *ret_style)
{
    *ret_style = blob->class == BLOB_LIVE ? STYLE_GOOD : STYLE_WARN;
    return blob->class == BLOB_LIVE ? "live" : blob->class == BLOB_OLDER ? "older" : "orphan";
}

void details_add_blobs(struct page *page, const struct store *store, const struct cache *cache)
{
    const struct cache_blob *largest[LARGEST] = {NULL};
    size_t len = find_largest(cache, largest);
    if (len > 0)
        page_title(page, "Largest layers and the steps that made them");
    for (size_t i = 0; i < len; i++) {
        char size[TEXT_SIZE_SIZE];
        enum style style;
        const char *class = class_name(largest[i], &style);
        char *step = step_of(store, largest[i]);
        page_add(page, style, "%9s  %-6s  %s", text_size(size, largest[i]->allocated_bytes), class,
                 step);
        free(step);
    }
}

void details_add_common(struct page *page, const struct store *store,
                        const struct service *service)
{
    size_t shown = 0;
    for (size_t i = 0; i < store->services_len && shown < OTHERS_MAX; i++) {
        const struct service *other = &store->services[i];
        if (other->cache == NULL || strcmp(other->id, service->id) == 0)
            continue;
        struct dedupe_common common = dedupe_compare(service->cache, other->cache);
        char same[TEXT_SIZE_SIZE], linked[TEXT_SIZE_SIZE], more[TEXT_SIZE_SIZE];
        if (common.blobs == 0)
            continue;
        if (shown++ == 0)
            page_title(page,
                       "The same blobs in other services (p, d on the main screen links them)");
        bool near = service->cache->dev == other->cache->dev;
        page_add(page, STYLE_NORMAL, "%9s  in %zu blob%s with %s: %s linked, %s %s",
                 text_size(same, common.bytes), common.blobs, format_plural(common.blobs),
                 other->name,
                 text_size(linked, common.linked_bytes),
                 text_size(more, common.bytes - common.linked_bytes),
                 near ? "could be" : "on another file system");
    }
}
