#include "tui/screens.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "tui/app.h"
#include "tui/page.h"

struct doctor_screen {
    struct screen screen;
    bool asked;
    bool come;
    struct doctor_report report;
    struct page page;
};

static unsigned doctor_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_DOCTOR;
}

static void on_examined(void *arg, struct doctor_report *report)
{
    struct doctor_screen *self = arg;
    doctor_report_done(&self->report);
    self->report = *report;
    self->asked = false;
    self->come = true;
    app_touch(self->screen.app);
}

static void ask(struct doctor_screen *self)
{
    if (!self->asked)
        self->asked = app_examine(self->screen.app, on_examined, self);
}

static void fill(struct doctor_screen *self)
{
    static const enum style styles[] = {[DOCTOR_OK] = STYLE_GOOD,
                                        [DOCTOR_NOTE] = STYLE_NORMAL,
                                        [DOCTOR_WARNING] = STYLE_WARN,
                                        [DOCTOR_BAD] = STYLE_BAD};
    struct page *page = &self->page;
    page_clear(page);
    if (!self->come)
        page_add(page, STYLE_DIM, "Looking ...");
    /* The worst first: that is what one comes here for. */
    for (int severity = DOCTOR_BAD; severity >= DOCTOR_OK; severity--) {
        for (size_t i = 0; i < self->report.len; i++) {
            const struct doctor_finding *finding = &self->report.items[i];
            if ((int)finding->severity != severity)
                continue;
            page_field(page, doctor_severity_name(finding->severity), styles[severity], "%s",
                       finding->text);
            if (finding->fix != NULL)
                page_field(page, "", STYLE_KEY, "%s", finding->fix);
        }
    }
}

static void doctor_draw(struct screen *screen, const struct canvas *canvas)
{
    struct doctor_screen *self = (struct doctor_screen *)screen;
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, "Doctor");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    self->page.width = text.cols;
    fill(self);
    page_draw(&self->page, &text);
    app_draw_bottom(screen->app, canvas, KEYS_DOCTOR);
}

static void doctor_command(struct screen *screen, enum command command)
{
    struct doctor_screen *self = (struct doctor_screen *)screen;
    if (page_screen_command(screen->app, &self->page, command))
        return;
    if (command == COMMAND_RESCAN)
        ask(self);
    else if (command == COMMAND_HELP)
        app_push(screen->app, help_screen_new(KEYS_DOCTOR, "Doctor"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void doctor_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct doctor_screen *)screen)->page.scroll, mouse->wheel * 3);
}

static void doctor_free(struct screen *screen)
{
    struct doctor_screen *self = (struct doctor_screen *)screen;
    if (self->asked)
        app_examine_forget(screen->app);
    doctor_report_done(&self->report);
    page_done(&self->page);
    free(self);
}

static const struct screen_ops doctor_ops = {
    .title = "Doctor",
    .where = doctor_where,
    .draw = doctor_draw,
    .command = doctor_command,
    .mouse = doctor_mouse,
    .free = doctor_free,
};

void doctor_screen_open(struct app *app)
{
    struct doctor_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &doctor_ops;
    self->page.label_style = STYLE_DIM;
    app_push(app, &self->screen);
    ask(self);
}
