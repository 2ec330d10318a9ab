#include "core/build/log/buildlog.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/log/buildlog_private.h"

#define MAX_BYTES_LEAST (64 * 1024)
#define BLOCK_BYTES_MOST (1024 * 1024)
#define BLOCKS_LEAST 16
/* For what is read back, for a scan and for a save. */
#define BLOCKS_BESIDE (LOG_PAGES + 2)

struct buildlog *buildlog_new(size_t max_bytes)
{
    struct buildlog *log = mem_zalloc(sizeof *log);
    if (max_bytes < MAX_BYTES_LEAST)
        max_bytes = MAX_BYTES_LEAST;
    size_t whole = max_bytes / BLOCKS_LEAST;
    if (whole > BLOCK_BYTES_MOST)
        whole = BLOCK_BYTES_MOST;
    log->memory_max = max_bytes / whole - BLOCKS_BESIDE;
    whole -= logblock_size(0) + sizeof(struct loginfo) + sizeof(struct logblock *);
    log->room = (uint32_t)(whole / sizeof(struct logblock_entry) * sizeof(struct logblock_entry));
    log->memory_cap = log->memory_max + 1;
    log->memory = mem_zalloc(log->memory_cap * sizeof(struct logblock *));
    log->slots = logfile_slots(logblock_filed_size(log->room));
    log->wanted = log->unreadable = UINT64_MAX;
    log->refs = 1;
    return log;
}

void buildlog_ref(struct buildlog *log)
{
    log->refs++;
}

void buildlog_unref(struct buildlog *log)
{
    if (--log->refs == 0)
        free(log);
}

void buildlog_free(struct buildlog *log)
{
    if (log == NULL)
        return;
    for (; log->kept < log->blocks; log->kept++)
        logblock_unref(buildlog_in_memory(log, log->kept));
    log->freed = true;
    log->newest = NULL;
    log->first = log->blocks;
    log->on_loaded = log->on_room = log->on_full = NULL;
    logpages_done(log);
    logfile_unref(log->file);
    log->file = NULL;
    free(log->directory);
    log->directory = NULL;
    free(log->memory);
    free(log->infos);
    free(log->step_lines);
    log->memory = NULL;
    log->infos = NULL;
    log->step_lines = NULL;
    buildlog_unref(log);
}

void buildlog_on_full(struct buildlog *log, void (*on_full)(void *arg), void *arg)
{
    log->on_full = on_full;
    log->full_arg = arg;
}

/* ------------------------------------------------------------------- blocks */

void buildlog_note_first(struct buildlog *log)
{
    bool filed = log->file != NULL && log->filed < log->kept;
    log->first = filed ? log->filed : log->kept;
}

static void drop_oldest(struct buildlog *log)
{
    logblock_unref(buildlog_in_memory(log, log->kept));
    log->kept++;
    buildlog_note_first(log);
}

void buildlog_shrink(struct buildlog *log)
{
    while (log->blocks - log->kept > log->memory_max &&
           (log->directory == NULL || log->kept < log->written))
        drop_oldest(log);
}

/* One that can be used anew, with its memory; NULL: none. */
static struct logblock *take_oldest(struct buildlog *log)
{
    if (log->blocks - log->kept < log->memory_max)
        return NULL;
    if (log->directory != NULL && log->kept >= log->written)
        return NULL;
    if (log->directory == NULL && log->on_full != NULL)
        log->on_full(log->full_arg);
    struct logblock *block = buildlog_in_memory(log, log->kept);
    if (block->refs > 1) {
        logblock_unref(block);
        block = NULL;
    }
    log->kept++;
    buildlog_note_first(log);
    return block;
}

static void grow_memory(struct buildlog *log)
{
    size_t cap = log->memory_cap * 2;
    struct logblock **memory = mem_zalloc(cap * sizeof(struct logblock *));
    for (uint64_t n = log->kept; n < log->blocks; n++)
        memory[n % cap] = buildlog_in_memory(log, n);
    free(log->memory);
    log->memory = memory;
    log->memory_cap = cap;
}

static void add_info(struct buildlog *log)
{
    uint64_t gone = log->first - log->infos_base, len = log->blocks - log->infos_base;
    if (gone > 64 && gone > len / 2) {
        memmove(log->infos, log->infos + gone, (size_t)(len - gone) * sizeof *log->infos);
        log->infos_base += gone;
        len -= gone;
    }
    mem_reserve((void **)&log->infos, &log->infos_cap, (size_t)len + 1, sizeof *log->infos);
    log->infos[len] = (struct loginfo){.first = log->end};
}

/* Makes the newest block an empty one. */
static void turn_over(struct buildlog *log)
{
    struct logblock *block = take_oldest(log);
    if (block == NULL)
        block = logblock_new(log->room);
    if (log->blocks - log->kept >= log->memory_cap)
        grow_memory(log);
    logblock_clear(block, log->blocks, log->end);
    add_info(log);
    log->memory[log->blocks % log->memory_cap] = block;
    log->blocks++;
    log->newest = block;
    logspill_step(log);
}

uint64_t buildlog_block_of(const struct buildlog *log, uint64_t line)
{
    uint64_t low = log->first, high = log->blocks;
    if (high > low && buildlog_info(log, high - 1)->first <= line)
        return high - 1;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (buildlog_info(log, middle)->first <= line)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t buildlog_lines_of(const struct buildlog *log, uint64_t block)
{
    uint64_t end = block + 1 < log->blocks ? buildlog_info(log, block + 1)->first : log->end;
    return (uint32_t)(end - buildlog_info(log, block)->first);
}

/* -------------------------------------------------------------------- steps */

static void note_step(struct buildlog *log, int step, uint64_t lines)
{
    struct loginfo *info = buildlog_info(log, log->blocks - 1);
    size_t at = 0, need = (size_t)step + 1, len = info->steps_len;
    if (need > log->step_lines_len) {
        log->step_lines = mem_realloc(log->step_lines, need * sizeof *log->step_lines);
        memset(log->step_lines + log->step_lines_len, 0,
               (need - log->step_lines_len) * sizeof *log->step_lines);
        log->step_lines_len = need;
    }
    log->step_lines[step] += lines;
    if (len > LOGINFO_STEPS)
        return;
    while (at < len && info->steps[at] != step)
        at++;
    if (at == LOGINFO_STEPS || step > UINT16_MAX)
        info->steps_len = LOGINFO_STEPS + 1;
    else if (at == len)
        info->steps[info->steps_len++] = (uint16_t)step;
}

bool loginfo_has(const struct loginfo *info, const struct logfilter *filter)
{
    bool has = info->steps_len > LOGINFO_STEPS || logfilter_takes_all(filter);
    for (size_t i = 0; i < info->steps_len && !has; i++)
        has = logfilter_takes(filter, info->steps[i]);
    return has;
}

uint64_t buildlog_count(const struct buildlog *log, const struct logfilter *filter)
{
    uint64_t count = 0;
    if (logfilter_takes_all(filter))
        return log->end;
    for (size_t step = 0; step < log->step_lines_len; step++)
        if (logfilter_takes(filter, (int)step))
            count += log->step_lines[step];
    return count;
}

/* ------------------------------------------------------------------- adding */

static void add_piece(struct buildlog *log, int step, int stream, const char *line, uint32_t len)
{
    if (log->newest == NULL || !logblock_add(log->newest, step, stream, line, len)) {
        turn_over(log);
        logblock_add(log->newest, step, stream, line, len);
    }
    note_step(log, step, 1);
    log->end++;
}

void buildlog_add(struct buildlog *log, int step, int stream, const char *line, size_t len)
{
    uint32_t most = log->room / 2;
    for (; len > most; line += most, len -= most)
        add_piece(log, step, stream, line, most);
    add_piece(log, step, stream, line, (uint32_t)len);
}

void buildlog_add_lines(struct buildlog *log, int step, int stream, const char *text,
                        uint32_t *ends, size_t count)
{
    while (count > 0) {
        size_t taken = log->newest != NULL ? logblock_add_lines(log->newest, step, stream, text,
                                                                ends, count)
                                           : 0;
        if (taken > 0) {
            note_step(log, step, taken);
            log->end += taken;
        } else { /* a new block, or a line for itself */
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

/* ------------------------------------------------------------------ reading */

uint64_t buildlog_first(const struct buildlog *log)
{
    return log->first < log->blocks ? buildlog_info(log, log->first)->first : log->end;
}

uint64_t buildlog_first_in_memory(const struct buildlog *log)
{
    return log->kept < log->blocks ? buildlog_info(log, log->kept)->first : log->end;
}

uint64_t buildlog_end(const struct buildlog *log)
{
    return log->end;
}

/* NULL: it is being read back, or can't be. */
static const struct logblock *block_for(const struct buildlog *log, uint64_t number)
{
    if (number >= log->kept)
        return buildlog_in_memory(log, number);
    /* Reading a block in changes nothing that a caller could see. */
    return logpages_get((struct buildlog *)log, number);
}

static int absent(const struct buildlog *log, uint64_t block)
{
    return log->freed || block == log->unreadable ? BUILDLOG_GONE : BUILDLOG_LOADING;
}

int buildlog_get(const struct buildlog *log, uint64_t number, struct buildlog_line *ret_line)
{
    if (log->freed || number < buildlog_first(log) || number >= log->end)
        return BUILDLOG_GONE;
    uint64_t at = buildlog_block_of(log, number);
    const struct logblock *block = block_for(log, at);
    if (block == NULL)
        return absent(log, at);
    *ret_line = logblock_line(block, (uint32_t)(number - block->first));
    return 0;
}

/* The nearest line in the block, from line `from` of the log on; false: none. */
static bool seek_in(const struct logblock *block, uint32_t lines, const struct logfilter *filter,
                    uint64_t from, int direction, uint64_t *ret_number)
{
    int64_t i = from < block->first            ? 0
                : from >= block->first + lines ? (int64_t)lines - 1
                                               : (int64_t)(from - block->first);
    for (; i >= 0 && i < (int64_t)lines; i += direction) {
        if (!logfilter_takes(filter, logblock_step(block, (uint32_t)i)))
            continue;
        *ret_number = block->first + (uint64_t)i;
        return true;
    }
    return false;
}

int buildlog_seek(const struct buildlog *log, const struct logfilter *filter, uint64_t from,
                  int direction, uint64_t *ret_number)
{
    uint64_t first = buildlog_first(log);
    if (log->freed || first >= log->end || (direction > 0 ? from >= log->end : from < first))
        return BUILDLOG_GONE;
    from = from < first ? first : from >= log->end ? log->end - 1 : from;
    if (logfilter_takes_all(filter)) { /* no need to look at it */
        *ret_number = from;
        return 0;
    }
    for (uint64_t at = buildlog_block_of(log, from); at >= log->first && at < log->blocks;
         at += (uint64_t)(int64_t)direction) {
        if (!loginfo_has(buildlog_info(log, at), filter))
            continue;
        const struct logblock *block = block_for(log, at);
        if (block == NULL && absent(log, at) == BUILDLOG_LOADING)
            return BUILDLOG_LOADING;
        if (block != NULL &&
            seek_in(block, buildlog_lines_of(log, at), filter, from, direction, ret_number))
            return 0;
    }
    return BUILDLOG_GONE;
}
