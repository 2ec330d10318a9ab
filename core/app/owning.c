/* Whose the builders' records are: worked out again when records or caches have
 * moved, not with each change of the store. While caches come in one after the
 * other, only what is not known at all. */
#include "core/app/owning.h"

#include <stdint.h>

#include "core/store/owners.h"

static uint64_t mix(uint64_t mark, uint64_t value)
{
    return (mark ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Moves when a cache has been scanned anew, has come or gone, or is called
 * otherwise; when Dockerfiles were read, and builds remembered. */
static uint64_t mark_of_sources(const struct store *store)
{
    uint64_t mark = mix(1, store->recipes_read);
    mark = mix(mark, store->past_len > 0 ? (uint64_t)store->past[0].id : 0);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->cache == NULL || row->name == NULL)
            continue;
        mark = mix(mark, (uint64_t)row->cache->scanned_at);
        mark = mix(mark, row->cache->ino);
        for (const char *at = row->name; *at != '\0'; at++)
            mark = mix(mark, (unsigned char)*at);
    }
    return mark;
}

static void find(struct store *store, struct builder *builder, uint64_t mark)
{
    owners_done(&builder->owners);
    builder->owners = store_find_owners(store, &builder->records);
    builder->owners_mark = mark;
    store_touch(store);
}

void owning_refresh(struct store *store, bool scanning)
{
    uint64_t mark = 0; /* not known yet: it takes a look at every row */
    for (size_t i = 0; i < store->builders_len; i++) {
        struct builder *builder = &store->builders[i];
        bool known = builder->owners.len == builder->records.len;
        if (known && (scanning || builder->records.len == 0))
            continue;
        mark = mark != 0 ? mark : mark_of_sources(store);
        if (!known || builder->owners_mark != mark)
            find(store, builder, mark);
    }
}
