#include "core/cache/links.h"

#include <stdlib.h>

#include "core/base/mem.h"

void links_done(struct links *links)
{
    free(links->slots);
    *links = (struct links){0};
}

/* The slot of the inode, or the free one where it belongs. */
static struct link *slot_of(const struct links *links, uint64_t ino)
{
    size_t i = (size_t)((ino * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (links->cap - 1);
    while (links->slots[i].ino != 0 && links->slots[i].ino != ino)
        i = (i + 1) & (links->cap - 1);
    return &links->slots[i];
}

static void grow(struct links *links)
{
    struct links grown = {.len = links->len, .cap = links->cap > 0 ? links->cap * 2 : 64};
    grown.slots = mem_zalloc(grown.cap * sizeof *grown.slots);
    for (size_t i = 0; i < links->cap; i++)
        if (links->slots[i].ino != 0)
            *slot_of(&grown, links->slots[i].ino) = links->slots[i];
    free(links->slots);
    *links = grown;
}

void links_add(struct links *links, uint64_t ino, uint32_t nlink, int64_t allocated_bytes,
               uint8_t rank)
{
    if (links->len * 4 >= links->cap * 3)
        grow(links);
    struct link *link = slot_of(links, ino);
    if (link->ino == 0) {
        *link = (struct link){ino, allocated_bytes, nlink, 0, rank, false};
        links->len++;
    }
    link->seen++;
    if (rank < link->rank)
        link->rank = rank;
}

struct link *links_find(const struct links *links, uint64_t ino)
{
    if (links->cap == 0)
        return NULL;
    struct link *link = slot_of(links, ino);
    return link->ino != 0 ? link : NULL;
}
