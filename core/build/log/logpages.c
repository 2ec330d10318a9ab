/* Blocks that are read by another thread, and those that come back from the
 * file to be looked at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/log/buildlog_private.h"

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
