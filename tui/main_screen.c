#include "tui/main_screen.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/header.h"
#include "tui/main_state.h"
#include "tui/progress_screen.h"

unsigned main_where(const struct screen *screen)
{
    static const unsigned where[PANES] = {KEYS_SERVICES, KEYS_RECORDS, KEYS_BUILD};
    return where[((const struct main_screen *)screen)->focus];
}

void main_sync(struct main_screen *main)
{
    struct app *app = main->screen.app;
    if (!main->open) {
        pane_services_init(&main->services, app);
        pane_records_init(&main->records, app);
        pane_build_init(&main->build, app);
        main->open = true;
    }
    pane_services_sync(&main->services);
    pane_records_sync(&main->records);
    pane_build_sync(&main->build);
}

/* A removal that the user did not stay with says how it ended. */
static void main_changed(struct screen *screen)
{
    struct main_screen *main = (struct main_screen *)screen;
    enum prune_state state = app_store(screen->app)->prune.state;
    main->services.stale = true;
    if (main->deleting && state == PRUNE_OVER && app_is_top(screen))
        app_push(screen->app, progress_screen_new());
    main->deleting = state == PRUNE_RUNNING;
}

/* ---- drawing */

static void add_title(const struct main_screen *main, enum pane pane, struct buf *title,
                      struct buf *tail)
{
    if (pane == PANE_SERVICES)
        pane_services_title(&main->services, title, tail);
    else if (pane == PANE_RECORDS)
        pane_records_title(&main->records, title, tail);
    else
        pane_build_title(&main->build, title);
}

/* The edge above a pane, with its title, and at its right end what the user
 * has set; `left` and `right` are its corners. */
static void draw_edge(const struct main_screen *main, const struct canvas *canvas, enum pane pane,
                      const char *left, const char *right)
{
    const struct layout_rect *rect = &main->layout.panes[pane];
    enum style style = main->focus == pane ? STYLE_TITLE : STYLE_NORMAL;
    struct canvas edge = canvas_part(canvas, rect->y - 1, rect->x - 1, 1, rect->cols + 2);
    struct buf title = {0}, tail = {0};
    buf_append_str(&title, " ");
    buf_append_str(&tail, " ");
    add_title(main, pane, &title, &tail);
    buf_append_str(&title, " ");
    canvas_fill(&edge, 0, 0, edge.cols, STYLE_BORDER, canvas->theme->glyphs->horizontal);
    canvas_text(&edge, 0, 0, 1, STYLE_BORDER, left);
    canvas_text(&edge, 0, edge.cols - 1, 1, STYLE_BORDER, right);
    int tail_cols = tail.len > 1 ? (int)text_width(tail.data) : 0;
    if (tail_cols > rect->cols / 2)
        tail_cols = rect->cols / 2;
    canvas_text(&edge, 0, 1, rect->cols - tail_cols, style, title.data);
    canvas_text(&edge, 0, edge.cols - 1 - tail_cols, tail_cols, style, tail.data);
    buf_done(&title);
    buf_done(&tail);
}

static void draw_sides(const struct canvas *canvas, const struct layout_rect *rect)
{
    const char *vertical = canvas->theme->glyphs->vertical;
    for (int y = rect->y; y < rect->y + rect->rows; y++) {
        canvas_fill(canvas, y, rect->x - 1, 1, STYLE_BORDER, vertical);
        canvas_fill(canvas, y, rect->x + rect->cols, 1, STYLE_BORDER, vertical);
    }
}

static void draw_pane(struct main_screen *main, const struct canvas *canvas, enum pane pane)
{
    const struct layout_rect *rect = &main->layout.panes[pane];
    struct canvas inside = canvas_part(canvas, rect->y, rect->x, rect->rows, rect->cols);
    bool focused = main->focus == pane;
    draw_sides(canvas, rect);
    if (pane == PANE_SERVICES)
        pane_services_draw(&main->services, &inside, focused);
    else if (pane == PANE_RECORDS)
        pane_records_draw(&main->records, &inside, focused);
    else
        pane_build_draw(&main->build, &inside, focused);
}

static void draw_panes(struct main_screen *main, const struct canvas *canvas)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    bool wide = main->layout.form == LAYOUT_WIDE;
    bool top = true;
    for (int i = 0; i < PANES; i++) {
        enum pane pane = (enum pane)i;
        if (main->layout.panes[pane].rows <= 0)
            continue;
        bool beside = wide && pane == PANE_BUILD;
        const char *left = beside ? glyphs->tee_top : top ? glyphs->top_left : glyphs->tee_left;
        const char *right = top || beside ? glyphs->top_right : glyphs->tee_right;
        draw_edge(main, canvas, pane, left, right);
        draw_pane(main, canvas, pane);
        top = false;
    }
    const struct layout_rect *below = &main->layout.panes[PANE_RECORDS];
    if (wide)
        canvas_text(canvas, below->y - 1, below->x + below->cols, 1, STYLE_BORDER,
                    glyphs->tee_right);
}

/* The lower edge holds the keys, or what there is to say. */
static void draw_footer(const struct main_screen *main, const struct canvas *canvas)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    const struct app *app = main->screen.app;
    int y = canvas->rows - 1, width = canvas->cols;
    enum style style;
    bool message = app_message(app, &style) != NULL;
    canvas_fill(canvas, y, 0, width, STYLE_BORDER, glyphs->horizontal);
    canvas_text(canvas, y, 0, 1, STYLE_BORDER, glyphs->bottom_left);
    if (main->layout.form == LAYOUT_WIDE)
        canvas_text(canvas, y, main->layout.panes[PANE_BUILD].x - 1, 1, STYLE_BORDER,
                    glyphs->tee_bottom);
    canvas_text(canvas, y, width - 1, 1, STYLE_BORDER, glyphs->bottom_right);
    if (message)
        app_draw_message(app, canvas, y, 1, width - 2);
    else
        app_draw_footer(app, canvas, y, 1, width - 2, main_where(&main->screen));
}

static void main_draw(struct screen *screen, const struct canvas *canvas)
{
    struct main_screen *main = (struct main_screen *)screen;
    main_sync(main);
    const int wanted[PANES] = {
        [PANE_SERVICES] = pane_services_wanted(&main->services),
        [PANE_RECORDS] = pane_records_wanted(&main->records),
        [PANE_BUILD] = pane_build_wanted(&main->build),
    };
    main->layout = main->zoomed
                       ? layout_zoomed(canvas->rows, canvas->cols, main->focus)
                       : layout_main(canvas->rows, canvas->cols, main->focus, wanted);
    header_draw(screen->app, canvas);
    draw_panes(main, canvas);
    draw_footer(main, canvas);
}

/* ---- mouse */

static bool pane_at(const struct main_screen *main, int y, int x, enum pane *ret_pane)
{
    for (int i = 0; i < PANES; i++) {
        const struct layout_rect *rect = &main->layout.panes[i];
        if (rect->rows > 0 && y >= rect->y - 1 && y < rect->y + rect->rows && x >= rect->x - 1 &&
            x <= rect->x + rect->cols) {
            *ret_pane = (enum pane)i;
            return true;
        }
    }
    return false;
}

static void click(struct main_screen *main, enum pane pane, int row)
{
    static const size_t none = 0;
    struct list *list = main_list(main);
    int first = pane == PANE_SERVICES  ? main->services.first_row
                : pane == PANE_RECORDS ? main->records.first_row
                                       : main->build.first_row;
    const struct scroll *scroll = list != NULL ? &list->scroll : &main->build.scroll;
    size_t at = scroll->top + (size_t)(row - first);
    if (row < first || at >= scroll->len || scroll->len == none)
        return;
    if (list != NULL)
        list_to(list, at);
    else
        pane_build_to(&main->build, at);
}

static void main_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct main_screen *main = (struct main_screen *)screen;
    enum pane pane;
    main_sync(main);
    if (mouse->y == 0 && mouse->wheel == 0) { /* the header, most of which is disks */
        main_command(screen, COMMAND_DISKS);
        return;
    }
    if (!pane_at(main, mouse->y, mouse->x, &pane))
        return;
    main->focus = pane;
    if (mouse->wheel == 0)
        click(main, pane, mouse->y - main->layout.panes[pane].y);
    for (int i = 0; mouse->wheel != 0 && i < 3; i++)
        main_pane_command(main, mouse->wheel < 0 ? COMMAND_UP : COMMAND_DOWN);
}

static void main_free(struct screen *screen)
{
    struct main_screen *main = (struct main_screen *)screen;
    pane_services_done(&main->services);
    pane_records_done(&main->records);
    pane_build_done(&main->build);
    free(main);
}

static const struct screen_ops main_ops = {
    .title = "Main screen",
    .where = main_where,
    .draw = main_draw,
    .command = main_command,
    .mouse = main_mouse,
    .changed = main_changed,
    .free = main_free,
};

struct screen *main_screen_new(void)
{
    struct main_screen *main = mem_zalloc(sizeof *main);
    main->screen.ops = &main_ops;
    return &main->screen;
}
