#include "tui/log_save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"

#define PART_BYTES (8 * 1024 * 1024)

/* The log moves on meanwhile, and may be far larger than memory: part by part a
 * copy is made on the loop, and written on the pool. */
struct log_save {
    uv_work_t work;
    struct app *app;
    uint64_t build_id;
    uint64_t next, end; /* lines still to be copied */
    char *path;
    int fd; /* -1: not open yet */
    struct buf text;
    int result;
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
    struct log_save *save = work->data;
    if (save->fd < 0)
        save->fd = open(save->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    save->result = save->fd < 0 ? -errno : write_all(save->fd, &save->text);
}

/* A line that has gone from the log meanwhile is left out. */
static void copy_part(struct log_save *save, const struct build *build)
{
    struct buildlog_line line;
    buf_clear(&save->text);
    for (; save->next < save->end && save->text.len < PART_BYTES; save->next++) {
        if (buildlog_get(build->log, save->next, &line) < 0)
            continue;
        buf_append(&save->text, line.text, line.len);
        buf_append(&save->text, "\n", 1);
    }
}

static void finish(struct log_save *save, int result)
{
    if (save->fd >= 0 && close(save->fd) != 0 && result == 0)
        result = -errno;
    if (result != 0 && save->fd >= 0)
        unlink(save->path);
    if (result == 0)
        app_say(save->app, STYLE_GOOD, "Saved to %s", save->path);
    else
        app_say(save->app, STYLE_BAD, "saving to %s: %s", save->path, err_reason(result));
    free(save->path);
    buf_done(&save->text);
    free(save);
}

static void on_saved(uv_work_t *work, int status)
{
    struct log_save *save = work->data;
    const struct build *build = store_build(app_store(save->app), save->build_id);
    int result = status != 0 ? status : save->result;
    if (result == 0 && build == NULL && save->next < save->end)
        result = -ECANCELED; /* the log has gone: half of it is no log */
    if (result == 0 && save->next < save->end) {
        copy_part(save, build);
        uv_queue_work(app_loop(save->app), &save->work, do_save, on_saved);
        return;
    }
    finish(save, result);
}

void log_save(struct app *app, const struct build *build, const char *path)
{
    struct log_save *save = mem_zalloc(sizeof *save);
    save->work.data = save;
    save->app = app;
    save->build_id = build->id;
    save->next = buildlog_first(build->log);
    save->end = buildlog_end(build->log);
    save->path = mem_strdup(path);
    save->fd = -1;
    copy_part(save, build);
    uv_queue_work(app_loop(app), &save->work, do_save, on_saved);
}
