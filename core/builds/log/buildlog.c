#include "core/builds/log/buildlog.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/builds/log/buildlog_pages.h"

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

/* Blocks that are read by another thread, and those that come back from the
 * file to be looked at. */

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
    if (at == LOGINFO_STEPS)
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

static size_t add_to_newest(struct buildlog *log, const struct buildlog_line *lines, size_t count)
{
    size_t taken = log->newest != NULL ? logblock_add(log->newest, lines, count) : 0;
    if (taken > 0)
        note_step(log, lines[0].step, taken);
    log->end += taken;
    return taken;
}

static void add_whole(struct buildlog *log, const struct buildlog_line *line)
{
    if (add_to_newest(log, line, 1) == 1)
        return;
    turn_over(log);
    size_t added = add_to_newest(log, line, 1);
    assert(added == 1);
    (void)added;
}

void buildlog_add(struct buildlog *log, const struct buildlog_line *line)
{
    size_t most = log->room / 2;
    struct buildlog_line piece = *line;
    for (size_t left = line->len; left > most; left -= most) {
        piece.len = most;
        add_whole(log, &piece);
        piece.text += most;
        piece.number = piece.decimals = 0;
        piece.len = left - most;
    }
    add_whole(log, &piece);
}

void buildlog_add_lines(struct buildlog *log, const struct buildlog_line *lines, size_t count)
{
    for (size_t i = 0; i < count;) {
        i += add_to_newest(log, lines + i, count - i);
        if (i < count) /* a new block, or a line for itself */
            buildlog_add(log, &lines[i++]);
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

/* -------------------------------------------------------------- borrowing */

int logpiece_lend(struct buildlog *log, uint64_t number, struct logpiece *piece)
{
    if (log->freed || number < log->first || number >= log->blocks)
        return BUILDLOG_GONE;
    *piece = (struct logpiece){
        .log = log,
        .number = number,
        .first = buildlog_info(log, number)->first,
        .lines = buildlog_lines_of(log, number),
        .room = log->room,
    };
    if (number >= log->kept) {
        piece->block = logblock_ref(buildlog_in_memory(log, number));
    } else {
        piece->file = logfile_ref(log->file);
        piece->slot = (number - log->file_base) % log->slots;
        piece->next = log->lent;
        log->lent = piece;
    }
    buildlog_ref(log);
    return 0;
}

int logpiece_read(struct logpiece *piece)
{
    if (piece->file == NULL)
        return 0;
    struct logblock *block = mem_alloc(logblock_size(piece->room));
    int code = logfile_read(piece->file, piece->slot, logblock_filed(block));
    bool sound = code == 0 && logblock_wake(block, piece->room) && block->lines == piece->lines &&
                 block->number == piece->number;
    if (!sound) {
        free(block);
        return code < 0 ? code : -EIO;
    }
    piece->block = block;
    return 0;
}

void logpiece_return(struct logpiece *piece)
{
    struct buildlog *log = piece->log;
    struct logpiece **at = &log->lent;
    if (piece->file != NULL) {
        while (*at != piece)
            at = &(*at)->next;
        *at = piece->next;
    }
    logblock_unref(piece->block);
    logfile_unref(piece->file);
    if (!log->freed)
        logspill_step(log); /* it may have waited for this one's place */
    buildlog_unref(log);
}

/* ------------------------------------------------------------ reading back */

struct loading {
    uv_work_t work;
    struct logpiece piece;
    int code;
};

void buildlog_on_loaded(struct buildlog *log, void (*on_loaded)(void *arg), void *arg)
{
    log->on_loaded = on_loaded;
    log->loaded_arg = arg;
}

static void read_run(uv_work_t *work)
{
    struct loading *loading = work->data;
    loading->code = logpiece_read(&loading->piece);
}

static void put_page(struct buildlog *log, struct logblock *block)
{
    logblock_unref(log->pages[LOG_PAGES - 1]);
    memmove(&log->pages[1], &log->pages[0], (LOG_PAGES - 1) * sizeof log->pages[0]);
    log->pages[0] = logblock_ref(block);
}

static void read_done(uv_work_t *work, int status)
{
    struct loading *loading = work->data;
    struct buildlog *log = loading->piece.log;
    bool there = status == 0 && loading->code == 0;
    log->loading = false;
    if (!log->freed && there) {
        put_page(log, loading->piece.block);
        logglances_fill(log, loading->piece.block);
    } else if (!log->freed) {
        log->unreadable = loading->piece.number;
    }
    buildlog_ref(log);
    logpiece_return(&loading->piece);
    free(loading);
    if (!log->freed)
        logpages_load(log);
    if (!log->freed && log->on_loaded != NULL)
        log->on_loaded(log->loaded_arg);
    buildlog_unref(log);
}

void logpages_load(struct buildlog *log)
{
    if (log->loading)
        return;
    if (log->wanted == UINT64_MAX)
        log->wanted = logglances_wanted(log);
    uint64_t number = log->wanted;
    log->wanted = UINT64_MAX;
    if (number == UINT64_MAX)
        return;
    struct loading *loading = mem_zalloc(sizeof *loading);
    loading->work.data = loading;
    if (logpiece_lend(log, number, &loading->piece) != 0) {
        free(loading);
        return;
    }
    log->loading = true;
    uv_queue_work(log->loop, &loading->work, read_run, read_done);
}

const struct logblock *logpages_get(struct buildlog *log, uint64_t number)
{
    for (size_t i = 0; i < LOG_PAGES && log->pages[i] != NULL; i++) {
        struct logblock *found = log->pages[i];
        if (found->number != number)
            continue;
        memmove(&log->pages[1], &log->pages[0], i * sizeof log->pages[0]);
        log->pages[0] = found;
        return found;
    }
    if (number != log->unreadable)
        log->wanted = number;
    logpages_load(log);
    return NULL;
}

void logpages_done(struct buildlog *log)
{
    for (size_t i = 0; i < LOG_PAGES; i++) {
        logblock_unref(log->pages[i]);
        log->pages[i] = NULL;
    }
    logglances_done(log);
}

/* What memory has no room for goes to the file, in good time and away from the
 * loop. */

#define BATCH 4

struct spilling {
    uv_work_t work;
    struct buildlog *log;
    char *directory; /* of a file that is not open yet; NULL: it is */
    struct logfile *file;
    size_t slot_bytes;
    struct logblock *blocks[BATCH];
    uint64_t slots[BATCH];
    bool grows[BATCH];
    size_t len, done;
    int code;
};

/* ------------------------------------------------------------ how much waits */

/* Of full blocks in memory that the file does not have yet. */
static uint64_t backlog(const struct buildlog *log)
{
    return log->blocks > log->written + 1 ? log->blocks - log->written - 1 : 0;
}

bool buildlog_is_behind(const struct buildlog *log)
{
    return log->behind;
}

static void tell_room(struct buildlog *log)
{
    if (!log->behind || (log->directory != NULL && backlog(log) > log->memory_max / 2))
        return;
    log->behind = false;
    if (log->on_room != NULL)
        log->on_room(log->room_arg);
}

/* ------------------------------------------------------------------- on the pool */

static void run(uv_work_t *work)
{
    struct spilling *spilling = work->data;
    if (spilling->file == NULL)
        spilling->code =
            logfile_open(spilling->directory, spilling->slot_bytes, &spilling->file, NULL);
    while (spilling->code == 0 && spilling->done < spilling->len) {
        size_t i = spilling->done;
        spilling->code = logfile_write(spilling->file, spilling->slots[i], spilling->grows[i],
                                       logblock_filed(spilling->blocks[i]));
        spilling->done += spilling->code == 0;
    }
}

/* -------------------------------------------------------------------- on the loop */

/* What was in the file is lost with it: lines must stay without a gap. */
static void give_up(struct buildlog *log, int code)
{
    logfile_unref(log->file);
    log->file = NULL;
    free(log->directory);
    log->directory = NULL;
    log->spill_error = code;
    logpages_done(log);
    buildlog_note_first(log);
}

/* The disk is full: from now on the newest take the places of the oldest. */
static void stop_growing(struct buildlog *log, int code)
{
    uint64_t used = log->written - log->file_base;
    if (used == 0 || used >= log->slots) {
        give_up(log, code);
        return;
    }
    log->slots = used;
    log->spill_error = code;
}

static bool is_full_disk(int code)
{
    return code == -ENOSPC || code == -EDQUOT || code == -EFBIG;
}

static void take_result(struct buildlog *log, struct spilling *spilling)
{
    log->writing = false;
    if (log->file == NULL && spilling->file != NULL) {
        log->file = spilling->file;
        spilling->file = NULL;
    }
    log->written += spilling->done;
    if (is_full_disk(spilling->code))
        stop_growing(log, spilling->code);
    else if (spilling->code < 0)
        give_up(log, spilling->code);
    buildlog_shrink(log);
    logspill_step(log);
    tell_room(log);
}

static void on_done(uv_work_t *work, int status)
{
    struct spilling *spilling = work->data;
    struct buildlog *log = spilling->log;
    for (size_t i = 0; i < spilling->len; i++)
        logblock_unref(spilling->blocks[i]);
    if (status != 0)
        spilling->code = status;
    if (!log->freed)
        take_result(log, spilling);
    logfile_unref(spilling->file);
    free(spilling->directory);
    free(spilling);
    buildlog_unref(log);
}

/* Does somebody read in the slot that this block would take? */
static bool is_lent(const struct buildlog *log, uint64_t number)
{
    for (const struct logpiece *piece = log->lent; piece != NULL; piece = piece->next)
        if (piece->number + log->slots == number)
            return true;
    return false;
}

static void add_block(struct buildlog *log, struct spilling *spilling, uint64_t number)
{
    size_t i = spilling->len++;
    spilling->blocks[i] = logblock_ref(buildlog_in_memory(log, number));
    spilling->slots[i] = (number - log->file_base) % log->slots;
    spilling->grows[i] = number - log->file_base < log->slots;
    if (!spilling->grows[i] && log->filed <= number - log->slots)
        log->filed = number - log->slots + 1; /* its place is taken from now on */
}

void logspill_step(struct buildlog *log)
{
    if (log->directory != NULL && backlog(log) > log->memory_max * 3 / 4)
        log->behind = true;
    if (log->writing || log->directory == NULL || backlog(log) <= log->memory_max / 4 ||
        is_lent(log, log->written))
        return;
    struct spilling *spilling = mem_zalloc(sizeof *spilling);
    uint64_t waiting = backlog(log);
    if (log->file == NULL)
        log->file_base = log->filed = log->written;
    uint64_t most = waiting < log->slots ? waiting : log->slots;
    for (uint64_t n = log->written; spilling->len < BATCH && spilling->len < most; n++) {
        if (is_lent(log, n))
            break;
        add_block(log, spilling, n);
    }
    buildlog_note_first(log);
    spilling->slot_bytes = logblock_filed_size(log->room);
    spilling->directory = log->file == NULL ? mem_strdup(log->directory) : NULL;
    spilling->file = log->file != NULL ? logfile_ref(log->file) : NULL;
    spilling->work.data = spilling;
    spilling->log = log;
    buildlog_ref(log);
    log->writing = true;
    uv_queue_work(log->loop, &spilling->work, run, on_done);
}

/* --------------------------------------------------------------------- the door */

void buildlog_spill_to(struct buildlog *log, uv_loop_t *loop, const char *directory)
{
    log->loop = loop;
    mem_replace(&log->directory, directory);
    log->written = log->kept;
}

int buildlog_spill_error(const struct buildlog *log)
{
    return log->spill_error;
}

void buildlog_on_room(struct buildlog *log, void (*on_room)(void *arg), void *arg)
{
    log->on_room = on_room;
    log->room_arg = arg;
}
