#include "tui/screens.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/kit/format.h"
#include "tui/page.h"

enum { FAILURES_MAX = 1000 };

struct progress_screen {
    struct screen screen;
    struct page page;
};

static const struct prune_status *status_of(const struct screen *screen)
{
    return &app_store(screen->app)->prune;
}

static unsigned progress_where(const struct screen *screen)
{
    return status_of(screen)->state == PRUNE_OVER ? KEYS_RESULT : KEYS_PROGRESS;
}

static void draw_progress(const struct prune_status *status, const struct canvas *canvas)
{
    char done[TEXT_SIZE_SIZE], planned[TEXT_SIZE_SIZE];
    struct canvas bar = canvas_part(canvas, 1, 1, 1, canvas->cols - 2);
    canvas_fill(&bar, 0, 0, bar.cols, STYLE_DIM, bar.theme->glyphs->gauge_empty);
    canvas_bar(&bar, 0, 0, bar.cols, STYLE_ACCENT, (int64_t)status->items_done,
               (int64_t)status->items);
    canvas_printf(canvas, 3, 1, canvas->cols - 2, STYLE_NORMAL, "%zu of %zu item%s",
                  status->items_done, status->items, format_plural(status->items));
    canvas_printf(canvas, 4, 1, canvas->cols - 2, STYLE_NORMAL, "%s of %s freed",
                  text_size(done, status->freed_bytes), text_size(planned, status->planned_bytes));
    if (status->cancelled)
        canvas_text(canvas, 6, 1, canvas->cols - 2, STYLE_WARN,
                    "Stopping after the item under way");
}

static void fill_result(struct progress_screen *self, const struct prune_status *status)
{
    char text[TEXT_SIZE_SIZE];
    struct page *page = &self->page;
    page_clear(page);
    page_field(page, "Planned", STYLE_NORMAL, "%s in %zu item%s",
               text_size(text, status->planned_bytes), status->items, format_plural(status->items));
    page_field(page, "Freed", STYLE_GOOD, "%s", text_size(text, status->freed_bytes));
    page_field(page, "Failed", status->failures_len > 0 ? STYLE_BAD : STYLE_NORMAL, "%zu",
               status->failures_len);
    if (status->cancelled)
        page_add(page, STYLE_WARN, "Stopped after %zu of %zu item%s", status->items_done,
                 status->items, format_plural(status->items));
    if (status->failures_len > 0)
        page_title(page, "Not deleted");
    for (size_t i = 0; i < status->failures_len && i < FAILURES_MAX; i++) {
        page_add(page, STYLE_NORMAL, "%s", status->failures[i].id);
        page_add(page, STYLE_WARN, "  %s", status->failures[i].error);
    }
    if (status->failures_len > FAILURES_MAX)
        page_add(page, STYLE_DIM, "and %zu more", status->failures_len - FAILURES_MAX);
}

static void progress_draw(struct screen *screen, const struct canvas *canvas)
{
    struct progress_screen *self = (struct progress_screen *)screen;
    const struct prune_status *status = status_of(screen);
    bool over = status->state == PRUNE_OVER;
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, over ? "Result" : "Deleting");
    if (over) {
        struct canvas text = canvas_part(&inside, 1, 1, inside.rows - 1, inside.cols - 2);
        self->page.width = text.cols;
        fill_result(self, status);
        page_draw(&self->page, &text);
    } else {
        draw_progress(status, &inside);
    }
    app_draw_bottom(screen->app, canvas, progress_where(screen));
}

static void progress_command(struct screen *screen, enum command command)
{
    struct progress_screen *self = (struct progress_screen *)screen;
    if (page_command(&self->page, command))
        return;
    if (command == COMMAND_STOP)
        app_execute_cancel(screen->app);
    else if (command == COMMAND_BACK || status_of(screen)->state == PRUNE_OVER)
        app_close(screen);
}

static void progress_free(struct screen *screen)
{
    struct progress_screen *self = (struct progress_screen *)screen;
    page_done(&self->page);
    free(self);
}

static const struct screen_ops progress_ops = {
    .title = "Deleting",
    .where = progress_where,
    .draw = progress_draw,
    .command = progress_command,
    .free = progress_free,
};

struct screen *removal_screen_new(void)
{
    struct progress_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &progress_ops;
    self->page.label_style = STYLE_DIM;
    return &self->screen;
}
