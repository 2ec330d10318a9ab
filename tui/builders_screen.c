#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/store.h"
#include "tui/kit/format.h"
#include "tui/kit/list.h"
#include "tui/kit/table.h"
#include "tui/kit/theme.h"
#include "tui/page.h"
#include "tui/screens.h"

/* What can be gone to: builders with their nodes, and docker's contexts, as rows
 * of words. */

enum place_cell { PLACE_NAME, PLACE_KIND, PLACE_STATE, PLACE_WHAT, PLACE_CELLS };

struct place {
    char *id;                 /* of the row, whatever else comes and goes */
    char *name;               /* of the builder or context that is chosen by it */
    char *cells[PLACE_CELLS]; /* clean */
    char *detail;             /* clean; all there is to say */
    bool is_builder;          /* or a node of it; else a context */
    enum style style;
};

struct places {
    struct place *rows;
    size_t len, cap;
};

static void places_fill(struct places *places, const struct store *store);
static void places_done(struct places *places);

enum {
    DETAIL_ROWS = 3, /* what the row under the cursor has no room for */
    FRAME_ROWS = 4,  /* two edges, the titles, the line above the details */
    WIDEST = 120,    /* no wider than this */
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
    int first_row;    /* on the screen, as last drawn */
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
        app_push(screen->app, help_screen_new(KEYS_PLACES, "Builders and contexts"));
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

void builders_screen_open(struct app *app, void (*on_builder)(void *arg, const char *builder),
                          void *arg)
{
    struct places_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &places_ops;
    self->on_builder = on_builder;
    self->arg = arg;
    app_push(app, &self->screen);
}

static void forget(struct places *places)
{
    for (size_t i = 0; i < places->len; i++) {
        struct place *place = &places->rows[i];
        for (size_t k = 0; k < PLACE_CELLS; k++)
            free(place->cells[k]);
        free(place->id);
        free(place->name);
        free(place->detail);
    }
    places->len = 0;
}

static char *clean(const char *text)
{
    struct buf buf = {0};
    text_clean(&buf, text, strlen(text));
    return buf_take(&buf);
}

/* Takes the id. */
static struct place *add(struct places *places, char *id, const char *name)
{
    mem_reserve((void **)&places->rows, &places->cap, places->len + 1, sizeof *places->rows);
    struct place *place = &places->rows[places->len++];
    *place = (struct place){.id = id, .name = mem_strdup(name), .style = STYLE_NORMAL};
    return place;
}

/* Takes `label`, `what` and `detail`, which may be anything a tool has said. */
static void fill_place(struct place *place, char *label, const char *kind, const char *state,
                       char *what, char *detail)
{
    place->cells[PLACE_NAME] = clean(label);
    place->cells[PLACE_KIND] = clean(kind);
    place->cells[PLACE_STATE] = clean(state);
    place->cells[PLACE_WHAT] = clean(what);
    place->detail = clean(detail);
    free(label);
    free(what);
    free(detail);
}

static char *node_detail(const struct builder *builder, const struct builder_node *node)
{
    struct buf text = {0};
    buf_printf(&text, "node %s of builder %s", node->name, builder->name);
    if (node->error != NULL)
        buf_printf(&text, ": %s", node->error);
    if (node->version[0] != '\0')
        buf_printf(&text, ", BuildKit %s", node->version);
    if (node->endpoint[0] != '\0')
        buf_printf(&text, ", at %s", node->endpoint);
    if (node->platforms[0] != '\0')
        buf_printf(&text, ", for %s", node->platforms);
    return buf_take(&text);
}

static void add_node(struct places *places, const struct builder *builder,
                     const struct builder_node *node)
{
    struct place *place =
        add(places, mem_printf("node %s/%s", builder->id, node->name), builder->id);
    place->is_builder = true;
    place->style = node->error != NULL ? STYLE_WARN : STYLE_DIM;
    fill_place(
        place, mem_printf("  %s", node->name), "node", node->error != NULL ? "error" : node->status,
        mem_strdup(node->error != NULL ? node->error : node->endpoint), node_detail(builder, node));
}

static char *builder_holds(const struct builder *builder)
{
    char size[TEXT_SIZE_SIZE];
    if (!builder->reachable)
        return mem_strdup(builder->error != NULL ? builder->error : "no answer yet");
    return mem_printf("%zu record%s, %s", builder->records.len, format_plural(builder->records.len),
                      text_size(size, builder->records.size_bytes));
}

static void add_builder(struct places *places, const struct builder *builder)
{
    struct place *place = add(places, mem_printf("builder %s", builder->id), builder->id);
    /* buildx has no driver for a context whose engine does not answer. */
    bool named = builder->driver != NULL && builder->driver[0] != '\0';
    const char *driver = named ? builder->driver : "docker";
    char *holds = builder_holds(builder);
    place->is_builder = true;
    place->style = builder->reachable ? STYLE_NORMAL : STYLE_WARN;
    fill_place(place, mem_printf("%s%s", builder->name, builder->selected ? " *" : ""), driver,
               builder->reachable       ? "answers"
               : builder->error != NULL ? "error"
                                        : "asking",
               mem_strdup(holds),
               mem_printf("builder %s, driver %s%s%s: %s", builder->name, driver,
                          builder->version != NULL ? " " : "",
                          builder->version != NULL ? builder->version : "", holds));
    free(holds);
    for (size_t i = 0; i < builder->nodes_len; i++)
        add_node(places, builder, &builder->nodes[i]);
}

static void add_context(struct places *places, const struct docker_context *context)
{
    struct place *place = add(places, mem_printf("context %s", context->name), context->name);
    bool described = context->description[0] != '\0';
    fill_place(place, mem_printf("%s%s", context->name, context->current ? " *" : ""), "context",
               context->current ? "in use" : "", mem_strdup(context->host),
               mem_printf("context %s, at %s%s%s", context->name, context->host,
                          described ? ": " : "", context->description));
}

/* Makes all rows anew. */
static void places_fill(struct places *places, const struct store *store)
{
    forget(places);
    for (size_t i = 0; i < store->builders_len; i++)
        add_builder(places, &store->builders[i]);
    for (size_t i = 0; i < store->contexts_len; i++)
        add_context(places, &store->contexts[i]);
}

static void places_done(struct places *places)
{
    forget(places);
    free(places->rows);
    *places = (struct places){0};
}
