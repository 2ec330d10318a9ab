#include "tui/screens.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/kit/scroll.h"

struct path_row {
    char *label, *path;
};

struct paths_screen {
    struct screen screen;
    struct scroll scroll;
    struct path_row *rows;
    size_t cap;
};

enum { ROWS_MAX = 64 };

static unsigned where(const struct screen *screen)
{
    (void)screen;
    return KEYS_MENU;
}

/* ---- rows */

static void add(struct paths_screen *self, char *label_takes, const char *path)
{
    if (path == NULL || self->scroll.len == ROWS_MAX) {
        free(label_takes);
        return;
    }
    size_t at = self->scroll.len++;
    mem_reserve((void **)&self->rows, &self->cap, self->scroll.len, sizeof *self->rows);
    self->rows[at] = (struct path_row){label_takes, mem_strdup(path)};
}

static void add_service(struct paths_screen *self, const struct store *store,
                        const struct build *build, const struct compose_service *service)
{
    char *dockerfile = compose_dockerfile(service);
    size_t count;
    const struct service *row = store_service_named(store, service->name, &count);
    int line = build->excerpt.text != NULL && build->excerpt.line > 0 ? build->excerpt.line : 0;
    const struct step *failed = build_find_step(build, build->excerpt.step);
    bool here =
        line > 0 && (build->services_len == 1 || (failed != NULL && failed->service != NULL &&
                                                  strcmp(failed->service, service->name) == 0));
    if (here)
        add(self, mem_printf("Dockerfile of %s, line %d", service->name, line), dockerfile);
    else
        add(self, mem_printf("Dockerfile of %s", service->name), dockerfile);
    if (service->context != NULL && service->context[0] == '/')
        add(self, mem_printf("Context of %s", service->name), service->context);
    if (row != NULL)
        add(self, mem_printf("Cache of %s", service->name), row->path);
    free(dockerfile);
}

static void fill(struct paths_screen *self, struct app *app, const struct build *build, int number)
{
    const struct store *store = app_store(app);
    const struct compose_project *project = store->project;
    const struct step *step = build_find_step(build, number);
    add(self, mem_strdup("Saved log"), app_saved(app, build->id));
    for (size_t i = 0; project != NULL && i < project->services_len; i++) {
        const struct compose_service *service = &project->services[i];
        bool meant = step != NULL && step->service != NULL
                         ? strcmp(step->service, service->name) == 0
                         : build_has_service(build, service->name);
        if (meant)
            add_service(self, store, build, service);
    }
    if (project != NULL)
        add(self, mem_strdup("Project"), project->directory);
}

/* ---- drawing */

static void draw_row(const struct paths_screen *self, const struct canvas *canvas, int y, size_t at)
{
    const struct path_row *path = &self->rows[at];
    bool current = at == self->scroll.cursor;
    struct canvas label = canvas_row(canvas, y, current ? STYLE_CURSOR : STYLE_NORMAL);
    struct canvas below = canvas_row(canvas, y + 1, current ? STYLE_CURSOR : STYLE_NORMAL);
    if (current)
        canvas_text(&label, 0, 0, 1, STYLE_ACCENT, canvas->theme->glyphs->cursor);
    canvas_raw(&label, 0, 2, label.cols - 2, STYLE_DIM, path->label, strlen(path->label));
    canvas_raw(&below, 0, 4, below.cols - 4, STYLE_NORMAL, path->path, strlen(path->path));
}

static void draw(struct screen *screen, const struct canvas *canvas)
{
    struct paths_screen *self = (struct paths_screen *)screen;
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, "Copy a path");
    size_t fit = inside.rows >= 2 ? (size_t)inside.rows / 2 : 1;
    scroll_show(&self->scroll, fit);
    for (size_t i = 0; i < fit && self->scroll.top + i < self->scroll.len; i++)
        draw_row(self, &inside, (int)i * 2, self->scroll.top + i);
    app_draw_bottom(screen->app, canvas, KEYS_MENU);
}

static void command(struct screen *screen, enum command command)
{
    struct paths_screen *self = (struct paths_screen *)screen;
    if (scroll_command(&self->scroll, command))
        return;
    if (command == COMMAND_OPEN) {
        app_copy(screen->app, self->rows[self->scroll.cursor].path);
        app_close(screen);
    } else if (command == COMMAND_BACK) {
        app_close(screen);
    }
}

static void mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct paths_screen *self = (struct paths_screen *)screen;
    size_t row = self->scroll.top + (size_t)(mouse->y > 0 ? mouse->y - 1 : 0) / 2;
    if (mouse->wheel != 0)
        scroll_by(&self->scroll, mouse->wheel);
    else if (mouse->y > 0 && row < self->scroll.len)
        scroll_to(&self->scroll, row);
}

static void paths_free(struct screen *screen)
{
    struct paths_screen *self = (struct paths_screen *)screen;
    for (size_t i = 0; i < self->scroll.len; i++) {
        free(self->rows[i].label);
        free(self->rows[i].path);
    }
    free(self->rows);
    free(self);
}

static const struct screen_ops ops = {
    .title = "Copy a path",
    .where = where,
    .draw = draw,
    .command = command,
    .mouse = mouse,
    .free = paths_free,
};

void paths_screen_open(struct app *app, const struct build *build, int step)
{
    struct paths_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &ops;
    fill(self, app, build, step);
    if (self->scroll.len > 0) {
        app_push(app, &self->screen);
    } else {
        app_say(app, STYLE_DIM, "No path belongs to this build");
        paths_free(&self->screen);
    }
}
