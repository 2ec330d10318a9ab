#include "core/builds/log/logsave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/builds/log/buildlog_pages.h"

/* Block by block. */
struct logsave {
    uv_work_t work;
    uv_loop_t *loop;
    struct buildlog *log;
    struct logfilter filter;
    logsave_cb *on_done; /* NULL: cancelled */
    void *arg;
    uint64_t next, end; /* lines still to be written */
    struct logsave_result result;
    char *path;
    int fd; /* -1: not open yet */
    int code;

    /* Under way: some lines of a block. */
    struct logpiece piece;
    uint32_t from, to;
    uint64_t written;
    struct buf text; /* these lines, as people see them */
};

/* ------------------------------------------------------------------- on the pool */

static int write_lines(struct logsave *save)
{
    buf_clear(&save->text);
    save->written = 0;
    for (uint32_t i = save->from; i < save->to; i++) {
        struct buildlog_line line = logblock_line(save->piece.block, i);
        if (!logfilter_takes(&save->filter, line.step))
            continue;
        logline_append(&save->text, &line);
        buf_append(&save->text, "\n", 1);
        save->written++;
    }
    return fs_write_all(save->fd, save->text.data, save->text.len);
}

static void run(uv_work_t *work)
{
    struct logsave *save = work->data;
    if (save->fd < 0)
        save->fd = open(save->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    save->code = save->fd < 0 ? -errno : 0;
    if (save->code == 0 && save->piece.log != NULL)
        save->code = logpiece_read(&save->piece);
    if (save->code == 0 && save->to > save->from)
        save->code = write_lines(save);
}

/* -------------------------------------------------------------------- on the loop */

static void finish(struct logsave *save)
{
    int code = save->code;
    struct err err;
    if (save->fd >= 0 && close(save->fd) != 0 && code == 0)
        code = -errno;
    if (code != 0 && save->fd >= 0)
        unlink(save->path);
    if (code != 0)
        err_sys(&err, code, "saving to %s", save->path);
    if (save->on_done != NULL)
        save->on_done(save->arg, &save->result, code != 0 ? &err : NULL);
    buildlog_unref(save->log);
    logfilter_done(&save->filter);
    free(save->path);
    buf_done(&save->text);
    free(save);
}

static void go_on(struct logsave *save);

static void on_run(uv_work_t *work, int status)
{
    struct logsave *save = work->data;
    if (status != 0)
        save->code = status;
    if (save->piece.log != NULL)
        logpiece_return(&save->piece);
    save->piece.log = NULL;
    save->result.lines += save->written;
    save->next += save->to - save->from;
    if (save->code == 0 && (save->on_done == NULL || (save->log->freed && save->next < save->end)))
        save->code = -ECANCELED;
    if (save->code == 0 && save->next < save->end)
        go_on(save);
    else
        finish(save);
}

/* Lends the block of the next line; without one there is only a file to make. */
static void go_on(struct logsave *save)
{
    struct buildlog *log = save->log;
    uint64_t first = buildlog_first(log);
    save->from = save->to = 0;
    save->written = 0;
    if (save->next < first) { /* gone meanwhile */
        uint64_t gone = (first < save->end ? first : save->end) - save->next;
        save->result.gone += gone;
        save->next += gone;
    }
    if (save->next < save->end &&
        logpiece_lend(log, buildlog_block_of(log, save->next), &save->piece) == 0) {
        uint64_t left = save->end - save->piece.first;
        save->from = (uint32_t)(save->next - save->piece.first);
        save->to = left < save->piece.lines ? (uint32_t)left : save->piece.lines;
    }
    uv_queue_work(save->loop, &save->work, run, on_run);
}

struct logsave *logsave_start(uv_loop_t *loop, struct buildlog *log, const char *path,
                              const struct logfilter *filter, logsave_cb *on_done, void *arg)
{
    struct logsave *save = mem_zalloc(sizeof *save);
    save->work.data = save;
    save->loop = loop;
    save->log = log;
    buildlog_ref(log);
    save->filter = filter != NULL ? logfilter_copy(filter) : (struct logfilter){0};
    save->on_done = on_done;
    save->arg = arg;
    save->next = buildlog_first(log);
    save->end = buildlog_end(log);
    save->path = mem_strdup(path);
    save->fd = -1;
    go_on(save);
    return save;
}

void logsave_cancel(struct logsave *save)
{
    save->on_done = NULL;
}
