#include "tui/main_screen.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/details.h"
#include "tui/header.h"
#include "tui/help.h"
#include "tui/input.h"
#include "tui/layout.h"
#include "tui/log_screen.h"
#include "tui/pane.h"
#include "tui/plan_screen.h"
#include "tui/prune_menu.h"
#include "tui/targets.h"

struct main_screen {
    struct screen screen;
    enum pane focus;
    struct pane_services services;
    struct pane_records records;
    struct pane_build build;
    struct layout layout; /* as last drawn */
    bool open;            /* the panes have their app */
};

static unsigned main_where(const struct screen *screen)
{
    static const unsigned where[PANES] = {KEYS_SERVICES, KEYS_RECORDS, KEYS_BUILD};
    return where[((const struct main_screen *)screen)->focus];
}

static void sync_panes(struct main_screen *main)
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

static void main_changed(struct screen *screen)
{
    ((struct main_screen *)screen)->services.stale = true;
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
    const char *message = app_message(app, &style);
    canvas_fill(canvas, y, 0, width, STYLE_BORDER, glyphs->horizontal);
    canvas_text(canvas, y, 0, 1, STYLE_BORDER, glyphs->bottom_left);
    if (main->layout.form == LAYOUT_WIDE)
        canvas_text(canvas, y, main->layout.panes[PANE_BUILD].x - 1, 1, STYLE_BORDER,
                    glyphs->tee_bottom);
    canvas_text(canvas, y, width - 1, 1, STYLE_BORDER, glyphs->bottom_right);
    if (message != NULL)
        canvas_printf(canvas, y, 1, width - 2, style, " %s ", message);
    else
        app_draw_footer(app, canvas, y, 1, width - 2, main_where(&main->screen));
}

static void main_draw(struct screen *screen, const struct canvas *canvas)
{
    struct main_screen *main = (struct main_screen *)screen;
    sync_panes(main);
    const int wanted[PANES] = {
        [PANE_SERVICES] = pane_services_wanted(&main->services),
        [PANE_RECORDS] = pane_records_wanted(&main->records),
        [PANE_BUILD] = pane_build_wanted(&main->build),
    };
    main->layout = layout_main(canvas->rows, canvas->cols, main->focus, wanted);
    header_draw(screen->app, canvas);
    draw_panes(main, canvas);
    draw_footer(main, canvas);
}

/* ---- filter */

static struct list *focused_list(struct main_screen *main)
{
    return main->focus == PANE_SERVICES  ? &main->services.list
           : main->focus == PANE_RECORDS ? &main->records.list
                                         : NULL;
}

static void set_filter(void *arg, const char *text)
{
    struct main_screen *main = arg;
    struct list *list = focused_list(main);
    if (list == NULL)
        return;
    list_set_filter(list, text);
    main->services.stale = main->records.stale = true;
}

static bool accept_filter(void *arg, const char *text)
{
    set_filter(arg, text);
    return true;
}

static void cancel_filter(void *arg)
{
    set_filter(arg, NULL);
}

static void ask_filter(struct main_screen *main)
{
    static const struct input_ops ops = {set_filter, accept_filter, cancel_filter};
    const struct list *list = focused_list(main);
    if (list != NULL)
        app_push(main->screen.app,
                 input_new("/", list->filter != NULL ? list->filter : "", &ops, main));
}

/* ---- commands */

static void focus_next(struct main_screen *main, int step)
{
    main->focus = (enum pane)(((int)main->focus + step + PANES) % PANES);
}

static void open_record(struct main_screen *main, const struct record *record)
{
    char *owner = pane_records_owner(&main->records, list_index(&main->records.list));
    app_push(main->screen.app,
             details_record_new(pane_records_builder(&main->records)->id, record->id, owner));
    free(owner);
}

static void open_row(struct main_screen *main)
{
    struct app *app = main->screen.app;
    const struct service *service = pane_services_current(&main->services);
    const struct record *record = pane_records_current(&main->records);
    const struct build *build = app_build_shown(app);
    if (main->focus == PANE_SERVICES && service != NULL)
        app_push(app, details_service_new(service->id));
    else if (main->focus == PANE_RECORDS && record != NULL)
        open_record(main, record);
    else if (main->focus == PANE_BUILD && build != NULL)
        app_push(app, log_screen_new(build->id, pane_build_current(&main->build)));
}

static void open_log(struct main_screen *main)
{
    struct app *app = main->screen.app;
    const struct build *build = app_build_shown(app);
    const struct service *service = pane_services_current(&main->services);
    if (main->focus == PANE_SERVICES && service != NULL && !app_build_runs(app)) {
        const struct build *last = store_last_build(app_store(app), service->name);
        build = last != NULL ? last : build;
    }
    if (build != NULL)
        app_push(app, log_screen_new(build->id, 0));
    else
        app_say(app, STYLE_DIM, "No build has run yet, so there is no log");
}

static void get_targets(const struct main_screen *main, struct targets *ret_targets)
{
    const struct builder *builder = pane_records_builder(&main->records);
    targets_of_services(ret_targets, app_store(main->screen.app), &main->services.list);
    targets_of_records(ret_targets, builder, &main->records.list);
}

static void build_targets(struct main_screen *main, bool no_cache)
{
    struct app *app = main->screen.app;
    const struct build *shown = app_build_shown(app);
    struct targets targets = {0};
    if (main->focus == PANE_BUILD && shown != NULL && list_marked_len(&main->services.list) == 0) {
        app_build(app, (const char *const *)shown->services, shown->services_len, no_cache);
        return;
    }
    get_targets(main, &targets);
    targets_keep_buildable(&targets, app_store(app));
    if (targets.services_len > 0)
        app_build(app, (const char *const *)targets.services, targets.services_len, no_cache);
    else
        app_say(app, STYLE_WARN, "%s: no service of the compose project, so it cannot be built",
                targets.title != NULL ? targets.title : "Nothing here");
    targets_done(&targets);
}

static void delete_targets(struct main_screen *main)
{
    struct targets targets = {0};
    get_targets(main, &targets);
    plan_screen_for_targets(main->screen.app, &targets, main->focus == PANE_RECORDS);
    targets_done(&targets);
}

static void open_menu(struct main_screen *main)
{
    struct targets targets = {0};
    get_targets(main, &targets);
    app_push(main->screen.app, prune_menu_new(&targets));
}

static void go_back(struct main_screen *main)
{
    struct list *list = focused_list(main);
    if (list == NULL)
        return;
    if (list->filter != NULL)
        set_filter(main, NULL);
    else
        list_unmark(list);
}

static void toggle_mouse(struct app *app)
{
    app_set_mouse(app, !app_mouse(app));
    app_say(app, STYLE_DIM, app_mouse(app) ? "Mouse on"
                                           : "Mouse off: the terminal selects text; m: on again");
}

/* Commands for the whole screen, whatever has the focus. */
static void main_wide_command(struct main_screen *main, enum command command)
{
    struct app *app = main->screen.app;
    switch (command) {
    case COMMAND_NEXT_PANE:
        focus_next(main, 1);
        break;
    case COMMAND_PREVIOUS_PANE:
        focus_next(main, -1);
        break;
    case COMMAND_PANE_1:
    case COMMAND_PANE_2:
    case COMMAND_PANE_3:
        main->focus = (enum pane)(command - COMMAND_PANE_1);
        break;
    case COMMAND_RESCAN:
        app_rescan(app, NULL);
        break;
    case COMMAND_STOP:
        app_build_stop(app);
        break;
    case COMMAND_LOG:
        open_log(main);
        break;
    case COMMAND_MOUSE:
        toggle_mouse(app);
        break;
    case COMMAND_HELP:
        app_push(app, help_new(main_where(&main->screen), "Main screen"));
        break;
    case COMMAND_QUIT:
        app_quit(app);
        break;
    default:
        break;
    }
}

static void main_row_command(struct main_screen *main, enum command command)
{
    switch (command) {
    case COMMAND_FILTER:
        ask_filter(main);
        break;
    case COMMAND_BACK:
        go_back(main);
        break;
    case COMMAND_OPEN:
    case COMMAND_DETAILS:
        open_row(main);
        break;
    case COMMAND_BUILD:
    case COMMAND_BUILD_NO_CACHE:
        build_targets(main, command == COMMAND_BUILD_NO_CACHE);
        break;
    case COMMAND_DELETE:
        delete_targets(main);
        break;
    case COMMAND_PRUNE_MENU:
        open_menu(main);
        break;
    default:
        main_wide_command(main, command);
    }
}

static bool pane_command(struct main_screen *main, enum command command)
{
    switch (main->focus) {
    case PANE_SERVICES:
        return pane_services_command(&main->services, command);
    case PANE_RECORDS:
        return pane_records_command(&main->records, command);
    default:
        return pane_build_command(&main->build, command);
    }
}

static void main_command(struct screen *screen, enum command command)
{
    struct main_screen *main = (struct main_screen *)screen;
    sync_panes(main);
    if (!pane_command(main, command))
        main_row_command(main, command);
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
    struct list *list = focused_list(main);
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
    sync_panes(main);
    if (!pane_at(main, mouse->y, mouse->x, &pane))
        return;
    main->focus = pane;
    if (mouse->wheel == 0)
        click(main, pane, mouse->y - main->layout.panes[pane].y);
    for (int i = 0; mouse->wheel != 0 && i < 3; i++)
        pane_command(main, mouse->wheel < 0 ? COMMAND_UP : COMMAND_DOWN);
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
