/* What memory has no room for goes to the file, in good time and away from the
 * loop. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/build/log/buildlog_private.h"

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
