/* The ring is a chain of blocks of one size. In a block the text grows from
 * the front and its index from the back, until they meet:
 *
 *     | text 0 | text 1 | text 2 |   free   | entry 2 | entry 1 | entry 0 |
 *
 * A line lies whole in one block, so it can be lent without a copy. Each is
 * kept with a newline, so that many lines can come in by one copy. When all
 * blocks are taken, the oldest one gives up its lines and becomes the newest:
 * no allocation per line, and never more memory than was promised. */
#include "core/build/buildlog.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/spill.h"

#define MAX_BYTES_LEAST (64 * 1024)
#define BLOCK_BYTES_MOST (1024 * 1024)
#define BLOCKS_LEAST 16

struct entry {
    uint32_t end;  /* of the text, in the block; it starts where the one before ends */
    uint32_t meta; /* step << 2 | stream */
};

struct block {
    uint64_t first; /* number of its first line */
    uint32_t lines;
    uint32_t used;     /* bytes of text */
    struct entry *top; /* one past the block's end: entry i is top[-1 - i] */
    char text[];
};

struct buildlog {
    struct block **blocks; /* a ring: the oldest at `oldest` */
    size_t blocks_len, blocks_max, oldest;
    uint32_t block_bytes; /* of text and entries together */
    uint64_t end;
    struct block *newest; /* NULL until the first line */

    /* What has left memory: whole blocks in a file, the number of the first line
     * of each, and the one that was read last. */
    struct spill *spill; /* NULL: what leaves is lost */
    char *directory;     /* of a file that is not open yet; NULL: none wanted */
    int spill_error;
    uint64_t *firsts; /* by spill's numbers, in a ring as they are */
    size_t firsts_cap;
    struct block *read; /* NULL: none */
    uint64_t read_number;

    void (*on_loaded)(void *arg);
    void *loaded_arg;
    void (*on_room)(void *arg);
    void *room_arg;
};

struct buildlog *buildlog_new(size_t max_bytes)
{
    struct buildlog *log = mem_zalloc(sizeof *log);
    if (max_bytes < MAX_BYTES_LEAST)
        max_bytes = MAX_BYTES_LEAST;
    size_t whole = max_bytes / BLOCKS_LEAST;
    if (whole > BLOCK_BYTES_MOST)
        whole = BLOCK_BYTES_MOST;
    log->blocks_max = max_bytes / whole - 1; /* one is for reading back */
    whole -= sizeof(struct block) + sizeof(struct block *) + sizeof(struct buildlog);
    log->block_bytes = (uint32_t)(whole / sizeof(struct entry) * sizeof(struct entry));
    log->blocks = mem_zalloc(log->blocks_max * sizeof *log->blocks);
    return log;
}

void buildlog_free(struct buildlog *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->blocks_len; i++)
        free(log->blocks[i]);
    spill_close(log->spill);
    free(log->directory);
    free(log->firsts);
    free(log->read);
    free(log->blocks);
    free(log);
}

/* ---------------------------------------------------------------- the file */

void buildlog_spill_to(struct buildlog *log, uv_loop_t *loop, const char *directory)
{
    (void)loop;
    mem_replace(&log->directory, directory);
}

int buildlog_spill_error(const struct buildlog *log)
{
    return log->spill_error;
}

void buildlog_on_loaded(struct buildlog *log, void (*on_loaded)(void *arg), void *arg)
{
    log->on_loaded = on_loaded;
    log->loaded_arg = arg;
}

bool buildlog_is_behind(const struct buildlog *log)
{
    (void)log;
    return false;
}

void buildlog_on_room(struct buildlog *log, void (*on_room)(void *arg), void *arg)
{
    log->on_room = on_room;
    log->room_arg = arg;
}

void buildlog_on_full(struct buildlog *log, void (*on_full)(void *arg), void *arg)
{
    (void)log, (void)on_full, (void)arg;
}

static size_t block_size(const struct buildlog *log)
{
    return sizeof(struct block) + log->block_bytes;
}

static struct block *new_block(const struct buildlog *log)
{
    struct block *block = mem_zalloc(block_size(log));
    block->top = (struct entry *)(void *)(block->text + log->block_bytes);
    return block;
}

/* What had left is lost with it: lines must stay without a gap. */
static void stop_spilling(struct buildlog *log, int code)
{
    spill_close(log->spill);
    log->spill = NULL;
    log->spill_error = code;
    free(log->directory);
    log->directory = NULL;
    free(log->read);
    log->read = NULL;
}

static void spill_block(struct buildlog *log, const struct block *block)
{
    struct err err = {0};
    if (log->spill == NULL && log->directory != NULL &&
        spill_open(log->directory, block_size(log), &log->spill, &err) < 0)
        stop_spilling(log, err.code);
    if (log->spill == NULL)
        return;
    uint64_t number = spill_end(log->spill);
    int code = spill_add(log->spill, block, block_size(log));
    if (code < 0) {
        stop_spilling(log, code);
        return;
    }
    mem_reserve((void **)&log->firsts, &log->firsts_cap, (size_t)number + 1, sizeof *log->firsts);
    log->firsts[number] = block->first;
}

/* The block of the file that holds the line; NULL when it can't be read. */
static const struct block *read_block(struct buildlog *log, uint64_t number)
{
    uint64_t low = spill_first(log->spill), high = spill_end(log->spill);
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (log->firsts[middle] <= number)
            low = middle;
        else
            high = middle;
    }
    if (log->read != NULL && log->read_number == low)
        return log->read;
    if (log->read == NULL)
        log->read = new_block(log);
    log->read_number = UINT64_MAX; /* until it has been read whole */
    if (spill_read(log->spill, low, log->read, block_size(log)) < 0)
        return NULL;
    log->read->top = (struct entry *)(void *)(log->read->text + log->block_bytes);
    log->read_number = low;
    return log->read;
}

/* ------------------------------------------------------------------ adding */

/* Makes the newest block an empty one. */
static void turn_over(struct buildlog *log)
{
    struct block *block;
    if (log->blocks_len < log->blocks_max) {
        block = new_block(log);
        log->blocks[log->blocks_len++] = block;
    } else {
        block = log->blocks[log->oldest];
        spill_block(log, block);
        log->oldest = (log->oldest + 1) % log->blocks_max;
    }
    block->first = log->end;
    block->lines = 0;
    block->used = 0;
    log->newest = block;
}

static size_t room_in(const struct buildlog *log)
{
    const struct block *block = log->newest;
    if (block == NULL)
        return 0;
    return log->block_bytes - block->used - block->lines * sizeof(struct entry);
}

static uint32_t make_meta(int step, int stream)
{
    return (uint32_t)step << 2 | ((uint32_t)stream & 3);
}

static void add_piece(struct buildlog *log, uint32_t meta, const char *line, uint32_t len)
{
    if (len + 1 + sizeof(struct entry) > room_in(log))
        turn_over(log);
    struct block *block = log->newest;
    if (len > 0)
        memcpy(block->text + block->used, line, len);
    block->text[block->used + len] = '\n';
    block->used += len + 1;
    block->lines++;
    block->top[-(ptrdiff_t)block->lines] = (struct entry){.end = block->used, .meta = meta};
    log->end++;
}

void buildlog_add(struct buildlog *log, int step, int stream, const char *line, size_t len)
{
    uint32_t meta = make_meta(step, stream);
    uint32_t most = log->block_bytes / 2;
    for (; len > most; line += most, len -= most)
        add_piece(log, meta, line, most);
    add_piece(log, meta, line, (uint32_t)len);
}

/* As many of the lines as fit into the newest block; says how many. */
static size_t add_run(struct buildlog *log, uint32_t meta, const char *text, const uint32_t *ends,
                      size_t count)
{
    struct block *block = log->newest;
    size_t room = room_in(log), taken = 0;
    for (; taken < count; taken++) {
        if (ends[taken] + (taken + 1) * sizeof(struct entry) > room)
            break;
        block->top[-(ptrdiff_t)(block->lines + taken) - 1] =
            (struct entry){.end = block->used + ends[taken], .meta = meta};
    }
    if (taken == 0)
        return 0;
    memcpy(block->text + block->used, text, ends[taken - 1]);
    block->used += ends[taken - 1];
    block->lines += (uint32_t)taken;
    log->end += taken;
    return taken;
}

void buildlog_add_lines(struct buildlog *log, int step, int stream, const char *text,
                        uint32_t *ends, size_t count)
{
    uint32_t meta = make_meta(step, stream);
    while (count > 0) {
        size_t taken = add_run(log, meta, text, ends, count);
        if (taken == 0) { /* a new block, or a line for itself */
            buildlog_add(log, step, stream, text, ends[0] - 1);
            taken = 1;
        }
        uint32_t cut = ends[taken - 1];
        text += cut;
        ends += taken;
        count -= taken;
        for (size_t i = 0; i < count; i++)
            ends[i] -= cut;
    }
}

/* Of those in memory. */
static uint64_t first_kept(const struct buildlog *log)
{
    return log->blocks_len > 0 ? log->blocks[log->oldest]->first : 0;
}

uint64_t buildlog_first(const struct buildlog *log)
{
    if (log->spill != NULL && spill_end(log->spill) > 0)
        return log->firsts[spill_first(log->spill)];
    return first_kept(log);
}

uint64_t buildlog_end(const struct buildlog *log)
{
    return log->end;
}

static const struct block *block_at(const struct buildlog *log, size_t age_order)
{
    return log->blocks[(log->oldest + age_order) % log->blocks_len];
}

/* The last block that does not start after the line. */
static const struct block *find_block(const struct buildlog *log, uint64_t number)
{
    size_t low = 0, high = log->blocks_len;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (block_at(log, middle)->first <= number)
            low = middle;
        else
            high = middle;
    }
    return block_at(log, low);
}

int buildlog_get(const struct buildlog *log, uint64_t number, struct buildlog_line *ret_line)
{
    if (number < buildlog_first(log) || number >= log->end)
        return -1;
    /* Reading a block in changes nothing that a caller could see. */
    const struct block *block = number < first_kept(log)
                                    ? read_block((struct buildlog *)log, number)
                                    : find_block(log, number);
    if (block == NULL)
        return -1;
    ptrdiff_t i = (ptrdiff_t)(number - block->first);
    const struct entry *entry = &block->top[-1 - i];
    uint32_t start = i > 0 ? entry[1].end : 0;
    ret_line->text = block->text + start;
    ret_line->len = entry->end - start - 1;
    ret_line->step = (int)(entry->meta >> 2);
    ret_line->stream = (int)(entry->meta & 3);
    return 0;
}

int buildlog_seek(const struct buildlog *log, const struct logfilter *filter, uint64_t from,
                  int direction, uint64_t *ret_number)
{
    struct buildlog_line line;
    for (uint64_t i = from; buildlog_get(log, i, &line) == 0; i += (uint64_t)(int64_t)direction) {
        if (!logfilter_takes(filter, line.step))
            continue;
        *ret_number = i;
        return 0;
    }
    return BUILDLOG_GONE;
}

uint64_t buildlog_count(const struct buildlog *log, const struct logfilter *filter)
{
    struct buildlog_line line;
    uint64_t count = 0;
    for (uint64_t i = buildlog_first(log); buildlog_get(log, i, &line) == 0; i++)
        count += logfilter_takes(filter, line.step);
    return count;
}
