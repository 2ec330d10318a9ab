#include "core/build/log/logblock.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

size_t logblock_size(uint32_t room)
{
    return sizeof(struct logblock) + room;
}

size_t logblock_filed_size(uint32_t room)
{
    return logblock_size(room) - offsetof(struct logblock, number);
}

static void place_index(struct logblock *block, uint32_t room)
{
    block->room = room;
    block->top = (struct logblock_entry *)(void *)(block->text + room);
}

struct logblock *logblock_new(uint32_t room)
{
    struct logblock *block = mem_zalloc(logblock_size(room));
    place_index(block, room);
    block->refs = 1;
    return block;
}

struct logblock *logblock_ref(struct logblock *block)
{
    block->refs++;
    return block;
}

void logblock_unref(struct logblock *block)
{
    if (block != NULL && --block->refs == 0)
        free(block);
}

void logblock_clear(struct logblock *block, uint64_t number, uint64_t first)
{
    block->number = number;
    block->first = first;
    block->lines = 0;
    block->used = 0;
}

bool logblock_wake(struct logblock *block, uint32_t room)
{
    bool sound = block->room == room && block->used <= room &&
                 block->lines <= (room - block->used) / sizeof(struct logblock_entry);
    place_index(block, room);
    block->refs = 1;
    for (uint32_t i = 0, before = 0; i < block->lines && sound; i++) {
        uint32_t end = logblock_end(block, i);
        sound = end > before && end <= block->used;
        before = end;
    }
    return sound;
}

/* ------------------------------------------------------------------ adding */

static size_t room_in(const struct logblock *block)
{
    return block->room - block->used - block->lines * sizeof(struct logblock_entry);
}

static uint32_t make_meta(int step, int stream)
{
    return (uint32_t)step << 2 | ((uint32_t)stream & 3);
}

bool logblock_add(struct logblock *block, int step, int stream, const char *line, uint32_t len)
{
    if (len + 1 + sizeof(struct logblock_entry) > room_in(block))
        return false;
    if (len > 0)
        memcpy(block->text + block->used, line, len);
    block->text[block->used + len] = '\n';
    block->used += len + 1;
    block->lines++;
    block->top[-(ptrdiff_t)block->lines] =
        (struct logblock_entry){.end = block->used, .meta = make_meta(step, stream)};
    return true;
}

size_t logblock_add_lines(struct logblock *block, int step, int stream, const char *text,
                          const uint32_t *ends, size_t count)
{
    size_t room = room_in(block), taken = 0;
    uint32_t meta = make_meta(step, stream);
    for (; taken < count; taken++) {
        if (ends[taken] + (taken + 1) * sizeof(struct logblock_entry) > room)
            break;
        block->top[-(ptrdiff_t)(block->lines + taken) - 1] =
            (struct logblock_entry){.end = block->used + ends[taken], .meta = meta};
    }
    if (taken == 0)
        return 0;
    memcpy(block->text + block->used, text, ends[taken - 1]);
    block->used += ends[taken - 1];
    block->lines += (uint32_t)taken;
    return taken;
}

/* ----------------------------------------------------------------- reading */

struct buildlog_line logblock_line(const struct logblock *block, uint32_t line)
{
    const struct logblock_entry *entry = &block->top[-1 - (ptrdiff_t)line];
    uint32_t start = logblock_start(block, line);
    return (struct buildlog_line){
        .text = block->text + start,
        .len = entry->end - start - 1,
        .step = (int)(entry->meta >> 2),
        .stream = (int)(entry->meta & 3),
    };
}

uint32_t logblock_line_at(const struct logblock *block, uint32_t lines, uint32_t byte)
{
    uint32_t low = 0, high = lines;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (logblock_start(block, middle) <= byte)
            low = middle;
        else
            high = middle;
    }
    return low;
}
