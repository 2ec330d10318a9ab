#include "tui/log_save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"

struct log_save {
    uv_work_t work;
    struct app *app;
    char *path;
    struct buf text; /* a copy: the log moves on meanwhile */
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
    int fd = open(save->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        save->result = -errno;
        return;
    }
    save->result = write_all(fd, &save->text);
    if (close(fd) != 0 && save->result == 0)
        save->result = -errno;
    if (save->result != 0)
        unlink(save->path);
}

static void on_saved(uv_work_t *work, int status)
{
    struct log_save *save = work->data;
    int result = status != 0 ? status : save->result;
    if (result == 0)
        app_say(save->app, STYLE_GOOD, "Saved to %s", save->path);
    else
        app_say(save->app, STYLE_BAD, "saving to %s: %s", save->path, err_reason(result));
    free(save->path);
    buf_done(&save->text);
    free(save);
}

void log_save(struct app *app, const struct buildlog *log, const char *path)
{
    struct log_save *save = mem_zalloc(sizeof *save);
    struct buildlog_line line;
    save->work.data = save;
    save->app = app;
    save->path = mem_strdup(path);
    for (uint64_t i = buildlog_first(log); buildlog_get(log, i, &line) == 0; i++) {
        buf_append(&save->text, line.text, line.len);
        buf_append(&save->text, "\n", 1);
    }
    uv_queue_work(app_loop(app), &save->work, do_save, on_saved);
}
