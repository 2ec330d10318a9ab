#include "tui/places_screen.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/help.h"
#include "tui/list.h"
#include "tui/page.h"
#include "tui/places.h"
#include "tui/table.h"

enum {
    DETAIL_ROWS = 3,  /* what the row under the cursor has no room for */
    FRAME_ROWS = 4,   /* two edges, the titles, the line above the details */
    WIDEST = 120,     /* no wider than this */
};

static const struct table_column columns[] = {
    [PLACE_NAME] = {"NAME", 12, 30, false, 0},
    [PLACE_KIND] = {"KIND", 7, 16, false, 60},
    [PLACE_STATE] = {"STATE", 8, 10, false, 46},
    [PLACE_WHAT] = {"WHAT AND WHERE", 10, 1000, false, 0},
};

struct places_screen {
    struct screen screen;
    void (*on_builder)(void *arg, const char *builder);
    void *arg;
    struct places places;
    struct list list; /* keeps the cursor on its row while builders answer */
    int first_row; /* on the screen, as last drawn */
};

/* NULL: there is none. */
static const struct place *current_place(const struct places_screen *self)
{
    size_t index = list_index(&self->list);
    return index < self->places.len ? &self->places.rows[index] : NULL;
}

/* -------------------------------------------------------------------- drawing */

static unsigned places_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_PLACES;
}

static void draw_place(const struct places_screen *self, const struct table *table,
                       const struct canvas *canvas, int y, size_t index)
{
    const struct place *place = &self->places.rows[index];
    bool current = self->list.scroll.cursor == index;
    struct canvas row = canvas_row(canvas, y, current ? STYLE_CURSOR : STYLE_NORMAL);
    if (current)
        canvas_text(&row, 0, 0, 1, STYLE_ACCENT, canvas->theme->glyphs->cursor);
    for (size_t i = 0; i < PLACE_CELLS; i++)
        table_cell(table, &row, i, place->style, place->cells[i]);
}

static void draw_list(struct places_screen *self, const struct canvas *canvas)
{
    struct table table;
    int longest[PLACE_CELLS] = {0};
    for (size_t i = 0; i < self->places.len; i++) {
        for (size_t k = PLACE_NAME; k <= PLACE_KIND; k++) {
            int cols = (int)text_width(self->places.rows[i].cells[k]);
            longest[k] = cols > longest[k] ? cols : longest[k];
        }
    }
    table_init(&table, columns, PLACE_CELLS);
    table_fit_column(&table, PLACE_NAME, longest[PLACE_NAME]);
    table_fit_column(&table, PLACE_KIND, longest[PLACE_KIND]);
    table_layout(&table, 2, canvas->cols);
    table_draw_titles(&table, canvas, 0);
    struct canvas rows = canvas_part(canvas, 1, 0, canvas->rows - 1, canvas->cols);
    scroll_show(&self->list.scroll, (size_t)rows.rows);
    self->first_row = rows.y;
    for (int y = 0; y < rows.rows && self->list.scroll.top + (size_t)y < self->places.len; y++)
        draw_place(self, &table, &rows, y, self->list.scroll.top + (size_t)y);
}

/* The row under the cursor in full, cut only where even that is too long. */
static void draw_detail(const struct places_screen *self, const struct canvas *canvas)
{
    struct page page = {0};
    const struct place *place = current_place(self);
    if (place != NULL)
        page_wrap(&page, STYLE_NORMAL, canvas->cols, place->detail);
    page_draw(&page, canvas);
    page_done(&page);
}

static void fill(struct places_screen *self)
{
    places_fill(&self->places, app_store(self->screen.app));
    list_begin(&self->list);
    for (size_t i = 0; i < self->places.len; i++)
        list_add(&self->list, self->places.rows[i].id, i, true, (int64_t)i, NULL);
    list_end(&self->list);
}

static void places_draw(struct screen *screen, const struct canvas *canvas)
{
    struct places_screen *self = (struct places_screen *)screen;
    fill(self);
    int wanted = (int)self->places.len + DETAIL_ROWS + FRAME_ROWS;
    int rows = wanted < canvas->rows ? wanted : canvas->rows;
    int width = canvas->cols > WIDEST + 4 ? WIDEST : canvas->cols;
    struct canvas box =
        canvas_part(canvas, (canvas->rows - rows) / 2, (canvas->cols - width) / 2, rows, width);
    struct canvas inside = canvas_box(&box, STYLE_TITLE, "Builders and contexts (*: in use)");
    int line = inside.rows - DETAIL_ROWS - 1;
    struct canvas list = canvas_part(&inside, 0, 0, line, inside.cols);
    struct canvas detail = canvas_part(&inside, line + 1, 1, DETAIL_ROWS, inside.cols - 2);
    draw_list(self, &list);
    canvas_fill(&inside, line, 0, inside.cols, STYLE_BORDER, inside.theme->glyphs->horizontal);
    draw_detail(self, &detail);
    app_draw_bottom(screen->app, &box, KEYS_PLACES);
}

/* ------------------------------------------------------------------- choosing */

static void choose(struct places_screen *self)
{
    struct app *app = self->screen.app;
    const struct place *place = current_place(self);
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
    else if (command == COMMAND_HELP)
        app_push(screen->app, help_new(KEYS_PLACES, "Builders and contexts"));
    else if (command == COMMAND_BACK)
        app_close(screen);
    else
        list_command(&self->list, command);
}

static void places_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct places_screen *self = (struct places_screen *)screen;
    size_t at = self->list.scroll.top + (size_t)(mouse->y - self->first_row);
    if (mouse->wheel != 0) {
        list_command(&self->list, mouse->wheel < 0 ? COMMAND_UP : COMMAND_DOWN);
    } else if (mouse->y >= self->first_row && at < self->places.len &&
               at < self->list.scroll.top + self->list.scroll.height) {
        list_to(&self->list, at);
        choose(self);
    }
}

static void places_free(struct screen *screen)
{
    struct places_screen *self = (struct places_screen *)screen;
    places_done(&self->places);
    list_done(&self->list);
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
