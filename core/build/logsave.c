#include "core/build/logsave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"

#define PART_BYTES (1024 * 1024)

struct logsave {
    uv_work_t work;
    uv_loop_t *loop;
    struct buildlog *log;
    struct logfilter filter;
    logsave_cb *on_done;
    void *arg;
    uint64_t next, end;
    struct logsave_result result;
    char *path;
    int fd; /* -1: not open yet */
    struct buf text;
    int code;
};

static int write_all(int fd, const struct buf *text)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t written = write(fd, text->data + done, text->len - done);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            done += (size_t)written;
    }
    return 0;
}

static void do_save(uv_work_t *work)
{
    struct logsave *save = work->data;
    if (save->fd < 0)
        save->fd = open(save->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    save->code = save->fd < 0 ? -errno : write_all(save->fd, &save->text);
}

static void copy_part(struct logsave *save)
{
    struct buildlog_line line;
    buf_clear(&save->text);
    for (; save->next < save->end && save->text.len < PART_BYTES; save->next++) {
        if (buildlog_get(save->log, save->next, &line) != 0) {
            save->result.gone++;
        } else if (logfilter_takes(&save->filter, line.step)) {
            buf_append(&save->text, line.text, line.len);
            buf_append(&save->text, "\n", 1);
            save->result.lines++;
        }
    }
}

static void finish(struct logsave *save, int code)
{
    struct err err;
    if (save->fd >= 0 && close(save->fd) != 0 && code == 0)
        code = -errno;
    if (code != 0 && save->fd >= 0)
        unlink(save->path);
    if (code != 0)
        err_sys(&err, code, "saving to %s", save->path);
    if (save->on_done != NULL)
        save->on_done(save->arg, &save->result, code != 0 ? &err : NULL);
    logfilter_done(&save->filter);
    free(save->path);
    buf_done(&save->text);
    free(save);
}

static void on_saved(uv_work_t *work, int status)
{
    struct logsave *save = work->data;
    int code = status != 0 ? status : save->code;
    if (code == 0 && save->on_done == NULL)
        code = -ECANCELED;
    if (code == 0 && save->next < save->end) {
        copy_part(save);
        uv_queue_work(save->loop, &save->work, do_save, on_saved);
        return;
    }
    finish(save, code);
}

struct logsave *logsave_start(uv_loop_t *loop, struct buildlog *log, const char *path,
                              const struct logfilter *filter, logsave_cb *on_done, void *arg)
{
    struct logsave *save = mem_zalloc(sizeof *save);
    save->work.data = save;
    save->loop = loop;
    save->log = log;
    save->filter = filter != NULL ? logfilter_copy(filter) : (struct logfilter){0};
    save->on_done = on_done;
    save->arg = arg;
    save->next = buildlog_first(log);
    save->end = buildlog_end(log);
    save->path = mem_strdup(path);
    save->fd = -1;
    copy_part(save);
    uv_queue_work(loop, &save->work, do_save, on_saved);
    return save;
}

void logsave_cancel(struct logsave *save)
{
    save->on_done = NULL;
}
