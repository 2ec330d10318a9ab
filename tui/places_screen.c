#include "tui/places_screen.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/scroll.h"

struct place {
    char *name;
    char *text;      /* clean */
    bool is_builder; /* or a node of it; else a context */
    enum style style;
};

struct places_screen {
    struct screen screen;
    void (*on_builder)(void *arg, const char *builder);
    void *arg;
    struct place *places;
    size_t len, cap;
    struct scroll scroll;
    int first_row; /* on the screen, as last drawn */
};

/* -------------------------------------------------------------------- filling */

static void forget(struct places_screen *self)
{
    for (size_t i = 0; i < self->len; i++) {
        free(self->places[i].name);
        free(self->places[i].text);
    }
    self->len = 0;
}

/* Takes what stands in the line. */
static struct place *add(struct places_screen *self, const char *name, struct buf *line,
                         enum style style)
{
    struct buf clean = {0};
    mem_reserve((void **)&self->places, &self->cap, self->len + 1, sizeof *self->places);
    text_clean(&clean, line->data != NULL ? line->data : "", line->len);
    struct place *place = &self->places[self->len++];
    *place = (struct place){
        .name = mem_strdup(name), .text = buf_take(&clean), .style = style};
    buf_done(line);
    return place;
}

static void add_builder(struct places_screen *self, const struct builder *builder)
{
    struct buf line = {0};
    char size[TEXT_SIZE_SIZE];
    buf_printf(&line, "%s%s  %s", builder->name, builder->selected ? " *" : "",
               builder->driver != NULL ? builder->driver : "");
    if (builder->version != NULL)
        buf_printf(&line, " %s", builder->version);
    if (builder->reachable)
        buf_printf(&line, ": %zu records, %s", builder->records.len,
                   text_size(size, builder->records.size_bytes));
    else
        buf_printf(&line, ": %s", builder->error != NULL ? builder->error : "no answer yet");
    struct place *place = add(self, builder->id, &line,
                              builder->reachable ? STYLE_NORMAL : STYLE_WARN);
    place->is_builder = true;
    for (size_t i = 0; i < builder->nodes_len; i++) {
        const struct builder_node *node = &builder->nodes[i];
        buf_printf(&line, "  %s  %s  %s  %s  %s", node->name,
                   node->error != NULL ? node->error : node->status, node->version, node->endpoint,
                   node->platforms);
        place = add(self, builder->id, &line, STYLE_DIM);
        place->is_builder = true;
    }
}

static void add_context(struct places_screen *self, const struct docker_context *context)
{
    struct buf line = {0};
    buf_printf(&line, "context %s%s  %s  %s", context->name, context->current ? " *" : "",
               context->host, context->description);
    add(self, context->name, &line, STYLE_NORMAL);
}

static void fill(struct places_screen *self)
{
    const struct store *store = app_store(self->screen.app);
    forget(self);
    for (size_t i = 0; i < store->builders_len; i++)
        add_builder(self, &store->builders[i]);
    for (size_t i = 0; i < store->contexts_len; i++)
        add_context(self, &store->contexts[i]);
}

/* -------------------------------------------------------------------- drawing */

static unsigned places_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_MENU;
}

static void draw_place(const struct places_screen *self, const struct canvas *canvas, int y,
                       size_t index)
{
    const struct place *place = &self->places[index];
    bool current = self->scroll.cursor == index;
    struct canvas row = canvas_row(canvas, y, current ? STYLE_CURSOR : STYLE_NORMAL);
    if (current)
        canvas_text(&row, 0, 0, 1, STYLE_ACCENT, canvas->theme->glyphs->cursor);
    canvas_text(&row, 0, 2, row.cols - 2, place->style, place->text);
}

static void places_draw(struct screen *screen, const struct canvas *canvas)
{
    struct places_screen *self = (struct places_screen *)screen;
    fill(self);
    int rows = (int)self->len + 2 < canvas->rows ? (int)self->len + 2 : canvas->rows;
    int width = canvas->cols > 124 ? 120 : canvas->cols;
    struct canvas box =
        canvas_part(canvas, (canvas->rows - rows) / 2, (canvas->cols - width) / 2, rows, width);
    struct canvas inside = canvas_box(&box, STYLE_TITLE, "Builders and contexts (*: in use)");
    scroll_set_len(&self->scroll, self->len);
    scroll_show(&self->scroll, (size_t)inside.rows);
    self->first_row = inside.y;
    for (int y = 0; y < inside.rows && self->scroll.top + (size_t)y < self->len; y++)
        draw_place(self, &inside, y, self->scroll.top + (size_t)y);
    app_draw_bottom(screen->app, &box, KEYS_MENU);
}

/* ------------------------------------------------------------------- choosing */

static void choose(struct places_screen *self)
{
    struct app *app = self->screen.app;
    const struct place *place =
        self->scroll.cursor < self->len ? &self->places[self->scroll.cursor] : NULL;
    if (place == NULL)
        return;
    if (place->is_builder)
        self->on_builder(self->arg, place->name);
    else if (!app_use_context(app, place->name))
        return;
    app_close(&self->screen);
}

static void places_command(struct screen *screen, enum command command)
{
    struct places_screen *self = (struct places_screen *)screen;
    if (command == COMMAND_OPEN)
        choose(self);
    else if (command == COMMAND_BACK)
        app_close(screen);
    else
        scroll_command(&self->scroll, command);
}

static void places_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct places_screen *self = (struct places_screen *)screen;
    size_t at = self->scroll.top + (size_t)(mouse->y - self->first_row);
    if (mouse->wheel != 0) {
        scroll_by(&self->scroll, mouse->wheel);
    } else if (mouse->y >= self->first_row && at < self->len) {
        scroll_to(&self->scroll, at);
        choose(self);
    }
}

static void places_free(struct screen *screen)
{
    struct places_screen *self = (struct places_screen *)screen;
    forget(self);
    free(self->places);
    free(self);
}

static const struct screen_ops places_ops = {
    .title = "Builders and contexts",
    .over = true,
    .where = places_where,
    .draw = places_draw,
    .command = places_command,
    .mouse = places_mouse,
    .free = places_free,
};

void places_screen_open(struct app *app, void (*on_builder)(void *arg, const char *builder),
                        void *arg)
{
    struct places_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &places_ops;
    self->on_builder = on_builder;
    self->arg = arg;
    app_push(app, &self->screen);
}
