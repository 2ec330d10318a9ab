#include "tui/log_screen.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/format.h"
#include "tui/log_state.h"

static unsigned log_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_LOG;
}

const struct build *log_screen_build(const struct log_screen *self)
{
    return store_build(app_store(self->screen.app), self->build_id);
}

/* ---- what is looked at */

/* Steps come while it runs: the filter grows with them. */
static void set_filter(struct log_screen *self, const struct build *build)
{
    struct logfilter filter = log_scope_filter(&self->scope, build);
    bool moved = !logfilter_equals(&filter, &self->view.filter);
    if (moved) {
        logfilter_done(&self->view.filter);
        self->view.filter = filter;
    } else {
        logfilter_done(&filter);
    }
    log_search_follow(self, moved);
}

static void sync_view(struct log_screen *self, const struct build *build)
{
    app_watch_log(self->screen.app, build);
    set_filter(self, build);
    if (!self->at_error)
        return;
    self->at_error = false;
    if (log_next_error(build, &self->view.filter, 0, 1, &(uint64_t){0}))
        log_error_go(self, 0);
}

static void log_changed(struct screen *screen)
{
    struct log_screen *self = (struct log_screen *)screen;
    if (log_screen_build(self) == NULL)
        log_search_follow(self, true);
}

/* ---- drawing */

static void add_scope(const struct log_screen *self, const struct build *build, struct buf *title)
{
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    const struct step *step = build_find_step(build, self->scope.step);
    if (step != NULL) {
        buf_printf(title, " %s ", glyphs->arrow);
        format_step_name(title, step);
    } else if (self->scope.service != NULL) {
        buf_printf(title, " %s ", glyphs->arrow);
        text_clean(title, self->scope.service, strlen(self->scope.service));
        buf_append_str(title, " only");
    }
}

static void add_title(const struct log_screen *self, const struct build *build, struct buf *title)
{
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    buf_printf(title, "Log %s ", glyphs->horizontal);
    format_services(title, build);
    add_scope(self, build, title);
    buf_printf(title, " %s %s", glyphs->dot, build_state_name(build->state));
    buf_printf(title, " %s %s", glyphs->dot, self->view.follow ? "following" : "paused");
    if (self->view.wrap)
        buf_printf(title, " %s wrapped", glyphs->dot);
    if (!self->view.times)
        buf_printf(title, " %s no times", glyphs->dot);
}

/* Where in the log it stands, and what is not there any more. */
static void add_place(const struct log_screen *self, const struct build *build, struct buf *text)
{
    const struct log_view *view = &self->view;
    uint64_t first = buildlog_first(build->log), end = buildlog_end(build->log);
    int code = buildlog_spill_error(build->log);
    size_t before = text->len;
    log_search_add_counts(self, text);
    if (text->len > before)
        buf_printf(text, " %s ", app_theme(self->screen.app)->glyphs->dot);
    if (!logfilter_takes_all(&view->filter))
        buf_printf(text, "%llu of ",
                   (unsigned long long)buildlog_count(build->log, &view->filter));
    else if (end > 0)
        buf_printf(text, "%llu-%llu of ", (unsigned long long)view->top + 1,
                   (unsigned long long)view->last + 1);
    buf_printf(text, "%llu", (unsigned long long)end);
    uint64_t kept = buildlog_first_in_memory(build->log);
    if (kept > first)
        buf_printf(text, ", %llu in a file", (unsigned long long)(kept - first));
    if (first > 0)
        buf_printf(text, ", oldest %llu gone", (unsigned long long)first);
    if (code != 0)
        buf_printf(text, " (%s)", err_reason(code));
}

/* At the right of the upper edge, where the title leaves room for it. */
static void draw_place(const struct log_screen *self, const struct canvas *canvas,
                       const struct build *build, int title_cols)
{
    struct buf text = {0};
    buf_append_str(&text, " ");
    add_place(self, build, &text);
    buf_append_str(&text, " ");
    int width = (int)text_width(text.data), room = canvas->cols - title_cols - 4;
    if (room > 8)
        canvas_text(canvas, 0, canvas->cols - 1 - (width < room ? width : room),
                    width < room ? width : room, STYLE_TITLE, text.data);
    buf_done(&text);
}

static void draw_log(struct log_screen *self, const struct canvas *canvas,
                     const struct build *build)
{
    struct buf title = {0};
    self->view.rows = canvas->rows - 2;
    sync_view(self, build);
    add_title(self, build, &title);
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, title.data);
    log_view_draw(&self->view, build->log, &inside);
    if (buildlog_end(build->log) == 0)
        canvas_text(&inside, 0, 1, inside.cols, STYLE_DIM, "Nothing has been printed yet");
    draw_place(self, canvas, build, (int)text_width(title.data));
    buf_done(&title);
}

static void log_draw_screen(struct screen *screen, const struct canvas *canvas)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = log_screen_build(self);
    if (build != NULL) {
        draw_log(self, canvas, build);
    } else {
        struct canvas inside = canvas_box(canvas, STYLE_BORDER, "Log");
        canvas_text(&inside, 0, 1, inside.cols, STYLE_DIM, "This build is gone");
    }
    app_draw_bottom(screen->app, canvas, KEYS_LOG);
}

static void log_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = log_screen_build(self);
    if (build != NULL && mouse->wheel != 0)
        log_view_scroll(&self->view, build->log, mouse->wheel * 3);
}

static void log_free(struct screen *screen)
{
    struct log_screen *self = (struct log_screen *)screen;
    log_search_done(self);
    log_scope_done(&self->scope);
    log_view_done(&self->view);
    free(self);
}

static const struct screen_ops log_ops = {
    .title = "Log",
    .where = log_where,
    .draw = log_draw_screen,
    .command = log_command,
    .mouse = log_mouse,
    .changed = log_changed,
    .free = log_free,
};

static struct log_screen *make(uint64_t build_id)
{
    struct log_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &log_ops;
    self->build_id = build_id;
    self->view.follow = self->view.times = true;
    return self;
}

struct screen *log_screen_new(uint64_t build_id)
{
    struct log_screen *self = make(build_id);
    self->at_error = true;
    return &self->screen;
}

struct screen *log_screen_for_step(uint64_t build_id, int step)
{
    struct log_screen *self = make(build_id);
    self->scope.step = step;
    self->at_error = true;
    return &self->screen;
}
