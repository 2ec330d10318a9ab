#include "tui/log_screen.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "tui/app.h"
#include "tui/format.h"
#include "tui/help.h"
#include "tui/input.h"
#include "tui/log_save.h"
#include "tui/log_view.h"

struct log_screen {
    struct screen screen;
    uint64_t build_id;
    int step; /* to begin with; 0 once it was found */
    struct log_view view;
};

static unsigned log_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_LOG;
}

static const struct build *build_of(const struct log_screen *self)
{
    return store_build(app_store(self->screen.app), self->build_id);
}

/* The first line of the step that the user came from. */
static void go_to_step(struct log_screen *self, const struct buildlog *log)
{
    struct buildlog_line line;
    for (uint64_t i = buildlog_first(log); buildlog_get(log, i, &line) == 0; i++) {
        if (line.step == self->step) {
            self->view.follow = false;
            self->view.top = i;
            break;
        }
    }
    self->step = 0;
}

static void add_title(const struct log_screen *self, const struct build *build, struct buf *title)
{
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    uint64_t first = buildlog_first(build->log), end = buildlog_end(build->log);
    buf_printf(title, "Log %s ", glyphs->horizontal);
    format_services(title, build);
    buf_printf(title, " %s %s", glyphs->horizontal, build_state_name(build->state));
    if (self->view.follow)
        buf_printf(title, " %s following", glyphs->dot);
    if (self->view.wrap)
        buf_printf(title, " %s wrapped", glyphs->dot);
    if (self->view.search != NULL)
        buf_printf(title, " %s /%s", glyphs->dot, self->view.search);
    buf_printf(title, " %s %llu lines", glyphs->dot, (unsigned long long)end);
    if (first > 0)
        buf_printf(title, ", the oldest %llu gone", (unsigned long long)first);
    if (buildlog_spill_error(build->log) != 0)
        buf_printf(title, " (%s)", err_reason(buildlog_spill_error(build->log)));
}

static void log_draw(struct screen *screen, const struct canvas *canvas)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = build_of(self);
    struct buf title = {0};
    if (build != NULL)
        add_title(self, build, &title);
    else
        buf_append_str(&title, "Log");
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, title.data);
    if (build == NULL) {
        canvas_text(&inside, 0, 1, inside.cols, STYLE_DIM, "This build is gone");
    } else {
        if (self->step > 0)
            go_to_step(self, build->log);
        log_view_draw(&self->view, build->log, &inside);
    }
    buf_done(&title);
    app_draw_bottom(screen->app, canvas, KEYS_LOG);
}

/* ---- search and save */

static void find(struct log_screen *self, uint64_t from, int step)
{
    const struct build *build = build_of(self);
    if (build == NULL || self->view.search == NULL)
        return;
    if (!log_view_find(&self->view, build->log, from, step))
        app_say(self->screen.app, STYLE_WARN, "Not found %s: %s", step > 0 ? "below" : "above",
                self->view.search);
}

static bool accept_search(void *arg, const char *text)
{
    struct log_screen *self = arg;
    const struct build *build = build_of(self);
    mem_replace(&self->view.search, *text != '\0' ? text : NULL);
    if (build == NULL || self->view.search == NULL)
        return true;
    /* From here on, else from the start. */
    if (!log_view_find(&self->view, build->log, self->view.top, 1))
        find(self, buildlog_first(build->log), 1);
    return true;
}

static bool accept_save(void *arg, const char *text)
{
    struct log_screen *self = arg;
    const struct build *build = build_of(self);
    if (build != NULL && *text != '\0')
        log_save(self->screen.app, build, text);
    return true;
}

static void ask_save(struct log_screen *self)
{
    static const struct input_ops ops = {NULL, accept_save, NULL};
    char name[64];
    snprintf(name, sizeof name, "build-%llu.log", (unsigned long long)self->build_id);
    app_push(self->screen.app, input_new("Save to: ", name, &ops, self));
}

/* ---- commands */

static void log_command(struct screen *screen, enum command command)
{
    static const struct input_ops search = {NULL, accept_search, NULL};
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = build_of(self);
    if (build != NULL && log_view_command(&self->view, build->log, command))
        return;
    switch (command) {
    case COMMAND_FOLLOW:
        self->view.follow = !self->view.follow;
        break;
    case COMMAND_WRAP:
        self->view.wrap = !self->view.wrap;
        self->view.left = 0;
        self->view.top_row = 0;
        break;
    case COMMAND_SEARCH:
        app_push(screen->app, input_new("/", "", &search, self));
        break;
    case COMMAND_NEXT_MATCH:
        find(self, self->view.top + 1, 1);
        break;
    case COMMAND_PREVIOUS_MATCH:
        find(self, self->view.top - 1, -1);
        break;
    case COMMAND_SAVE:
        ask_save(self);
        break;
    case COMMAND_STOP:
        app_build_stop(screen->app);
        break;
    case COMMAND_HELP:
        app_push(screen->app, help_new(KEYS_LOG, "Log"));
        break;
    case COMMAND_BACK:
        app_close(screen);
        break;
    default:
        break;
    }
}

static void log_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = build_of(self);
    if (build != NULL && mouse->wheel != 0)
        log_view_scroll(&self->view, build->log, mouse->wheel * 3);
}

static void log_free(struct screen *screen)
{
    struct log_screen *self = (struct log_screen *)screen;
    log_view_done(&self->view);
    free(self);
}

static const struct screen_ops log_ops = {
    .title = "Log",
    .where = log_where,
    .draw = log_draw,
    .command = log_command,
    .mouse = log_mouse,
    .free = log_free,
};

struct screen *log_screen_new(uint64_t build_id, int step)
{
    struct log_screen *self = mem_zalloc(sizeof *self);
    *self = (struct log_screen){.screen = {.ops = &log_ops}, .build_id = build_id, .step = step};
    self->view.follow = step == 0;
    return &self->screen;
}
