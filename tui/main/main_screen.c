#include <stdbool.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/query.h"
#include "tui/app.h"
#include "tui/input.h"
#include "tui/kit/layout.h"
#include "tui/kit/screen.h"
#include "tui/main/header.h"
#include "tui/main/pane.h"
#include "tui/screens.h"
#include "tui/targets.h"

struct main_screen {
    struct screen screen;
    enum pane_id focus;
    struct pane *panes[PANES];
    struct layout layout; /* as last drawn */
    bool zoomed;          /* the pane in focus alone */
    bool deleting;        /* a removal was under way when the store last moved */
};

static void main_command(struct screen *screen, enum command command);
static bool main_build_command(struct main_screen *main, enum command command);

static struct pane *focused(const struct main_screen *main)
{
    return main->panes[main->focus];
}

static unsigned main_where(const struct screen *screen)
{
    return focused((const struct main_screen *)screen)->ops->where;
}

/* Brings the rows in step with the store; before they are used in any way. */
static void main_sync(struct main_screen *main)
{
    for (int i = 0; i < PANES; i++)
        main->panes[i]->ops->sync(main->panes[i]);
}

/* A removal that the user did not stay with says how it ended. */
static void main_changed(struct screen *screen)
{
    struct main_screen *main = (struct main_screen *)screen;
    enum prune_state state = app_store(screen->app)->prune.state;
    main->panes[PANE_SERVICES]->stale = true;
    if (main->deleting && state == PRUNE_OVER && app_is_top(screen))
        app_push(screen->app, removal_screen_new());
    main->deleting = state == PRUNE_RUNNING;
}

/* ---- drawing */

/* The edge above a pane, with its title, and at its right end what the user
 * has set; `left` and `right` are its corners. */
static void draw_edge(const struct main_screen *main, const struct canvas *canvas, enum pane_id id,
                      const char *left, const char *right)
{
    const struct layout_rect *rect = &main->layout.panes[id];
    enum style style = main->focus == id ? STYLE_TITLE : STYLE_NORMAL;
    struct canvas edge = canvas_part(canvas, rect->y - 1, rect->x - 1, 1, rect->cols + 2);
    struct buf title = {0}, tail = {0};
    buf_append_str(&title, " ");
    buf_append_str(&tail, " ");
    main->panes[id]->ops->title(main->panes[id], &title, &tail);
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

static void draw_pane(struct main_screen *main, const struct canvas *canvas, enum pane_id id)
{
    const struct layout_rect *rect = &main->layout.panes[id];
    struct canvas inside = canvas_part(canvas, rect->y, rect->x, rect->rows, rect->cols);
    draw_sides(canvas, rect);
    main->panes[id]->ops->draw(main->panes[id], &inside, main->focus == id);
}

static void draw_panes(struct main_screen *main, const struct canvas *canvas)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    bool wide = main->layout.form == LAYOUT_WIDE;
    bool top = true;
    for (int i = 0; i < PANES; i++) {
        enum pane_id id = (enum pane_id)i;
        if (main->layout.panes[id].rows <= 0)
            continue;
        bool beside = wide && id == PANE_BUILD;
        const char *left = beside ? glyphs->tee_top : top ? glyphs->top_left : glyphs->tee_left;
        const char *right = top || beside ? glyphs->top_right : glyphs->tee_right;
        draw_edge(main, canvas, id, left, right);
        draw_pane(main, canvas, id);
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
    int wanted[PANES];
    for (int i = 0; i < PANES; i++)
        wanted[i] = main->panes[i]->ops->wanted(main->panes[i]);
    main->layout = main->zoomed ? layout_zoomed(canvas->rows, canvas->cols, main->focus)
                                : layout_main(canvas->rows, canvas->cols, main->focus, wanted);
    header_draw(screen->app, canvas);
    draw_panes(main, canvas);
    draw_footer(main, canvas);
}

/* ---- mouse */

static bool pane_at(const struct main_screen *main, int y, int x, enum pane_id *ret_id)
{
    for (int i = 0; i < PANES; i++) {
        const struct layout_rect *rect = &main->layout.panes[i];
        if (rect->rows > 0 && y >= rect->y - 1 && y < rect->y + rect->rows && x >= rect->x - 1 &&
            x <= rect->x + rect->cols) {
            *ret_id = (enum pane_id)i;
            return true;
        }
    }
    return false;
}

static void click(struct pane *pane, int row)
{
    size_t at = pane->scroll->top + (size_t)(row - pane->first_row);
    if (row >= pane->first_row && at < pane->scroll->len)
        pane->ops->to(pane, at);
}

static void main_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct main_screen *main = (struct main_screen *)screen;
    enum pane_id id;
    main_sync(main);
    if (mouse->y == 0 && mouse->wheel == 0) { /* the header, most of which is disks */
        main_command(screen, COMMAND_DISKS);
        return;
    }
    if (!pane_at(main, mouse->y, mouse->x, &id))
        return;
    main->focus = id;
    if (mouse->wheel == 0)
        click(main->panes[id], mouse->y - main->layout.panes[id].y);
    for (int i = 0; mouse->wheel != 0 && i < 3; i++)
        focused(main)->ops->command(focused(main), mouse->wheel < 0 ? COMMAND_UP : COMMAND_DOWN);
}

static void main_free(struct screen *screen)
{
    struct main_screen *main = (struct main_screen *)screen;
    for (int i = 0; i < PANES; i++)
        main->panes[i]->ops->free(main->panes[i]);
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

struct screen *main_screen_new(struct app *app)
{
    struct main_screen *main = mem_zalloc(sizeof *main);
    main->panes[PANE_SERVICES] = pane_services_new(app);
    main->panes[PANE_RECORDS] = pane_records_new(app);
    main->panes[PANE_BUILD] = pane_build_new(app);
    main->screen.ops = &main_ops;
    return &main->screen;
}

/* ---- filter */

static void set_filter(void *arg, const char *text)
{
    struct main_screen *main = arg;
    struct list *list = focused(main)->list;
    struct query_line line;
    /* Half a condition, as it is typed, changes nothing yet. */
    if (list == NULL || query_line_read(&line, text != NULL ? text : "", NULL) < 0)
        return;
    query_line_done(&line);
    list_set_filter(list, text);
    main->panes[PANE_SERVICES]->stale = main->panes[PANE_RECORDS]->stale = true;
}

static bool accept_filter(void *arg, const char *text)
{
    struct main_screen *main = arg;
    struct query_line line;
    struct err err;
    if (query_line_read(&line, text, &err) < 0) {
        app_say(main->screen.app, STYLE_BAD, "%s", err.text);
        return false;
    }
    query_line_done(&line);
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
    const struct list *list = focused(main)->list;
    if (list != NULL)
        app_push(main->screen.app,
                 input_new("/", list->filter != NULL ? list->filter : "", &ops, main));
}

/* ---- commands */

static void focus_next(struct main_screen *main, int step)
{
    main->focus = (enum pane_id)(((int)main->focus + step + PANES) % PANES);
}

static void open_history(struct main_screen *main)
{
    const struct service *service = pane_services_current(main->panes[PANE_SERVICES]);
    bool one = main->focus == PANE_SERVICES && service != NULL &&
               store_past_build(app_store(main->screen.app), service->name) != NULL;
    app_push(main->screen.app, history_screen_new(one ? service->name : NULL));
}

/* What the marks, or the cursor, mean. */
static void main_get_targets(const struct main_screen *main, struct targets *ret_targets)
{
    const struct builder *builder = pane_records_builder(main->panes[PANE_RECORDS]);
    targets_of_services(ret_targets, app_store(main->screen.app), main->panes[PANE_SERVICES]->list);
    targets_of_records(ret_targets, builder, main->panes[PANE_RECORDS]->list);
}

static void delete_targets(struct main_screen *main)
{
    struct targets targets = {0};
    main_get_targets(main, &targets);
    plan_screen_for_targets(main->screen.app, &targets, main->focus == PANE_RECORDS);
    targets_done(&targets);
}

static void open_menu(struct main_screen *main, enum command command)
{
    struct targets targets = {0};
    if (app_store(main->screen.app)->prune.state == PRUNE_RUNNING) {
        app_push(main->screen.app, removal_screen_new());
        return;
    }
    main_get_targets(main, &targets);
    mem_replace(&targets.filter, main->panes[PANE_RECORDS]->list->filter);
    struct screen *menu = prune_menu_new(&targets);
    app_push(main->screen.app, menu);
    if (command == COMMAND_FREE)
        prune_menu_ask_size(menu);
}

static void go_back(struct main_screen *main)
{
    struct list *list = focused(main)->list;
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
    app_say(app, STYLE_DIM,
            app_mouse(app) ? "Mouse on" : "Mouse off: the terminal selects text; m: on again");
}

static void show_builder(void *arg, const char *builder)
{
    struct main_screen *main = arg;
    pane_records_choose(main->panes[PANE_RECORDS], builder);
    main->focus = PANE_RECORDS;
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
        main->focus = (enum pane_id)(command - COMMAND_PANE_1);
        break;
    case COMMAND_RESCAN:
        app_rescan(app, NULL);
        break;
    case COMMAND_PLACES:
        builders_screen_open(app, show_builder, main);
        break;
    case COMMAND_DISKS:
        app_push(app, disk_screen_new());
        break;
    case COMMAND_DOCTOR:
        doctor_screen_open(app);
        break;
    case COMMAND_ZOOM:
        main->zoomed = !main->zoomed;
        break;
    case COMMAND_HISTORY:
        open_history(main);
        break;
    case COMMAND_MOUSE:
        toggle_mouse(app);
        break;
    case COMMAND_HELP:
        app_push(app, help_screen_new(main_where(&main->screen), "Main screen"));
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
        focused(main)->ops->open(focused(main));
        break;
    case COMMAND_DELETE:
        delete_targets(main);
        break;
    case COMMAND_PRUNE_MENU:
    case COMMAND_FREE:
        open_menu(main, command);
        break;
    default:
        main_wide_command(main, command);
    }
}

static void main_command(struct screen *screen, enum command command)
{
    struct main_screen *main = (struct main_screen *)screen;
    main_sync(main);
    if (!focused(main)->ops->command(focused(main), command) && !main_build_command(main, command))
        main_row_command(main, command);
}

/* What the keys of the main screen do that have to do with builds. */

/* The build that a command is about: the one under the cursor, of the service
 * under the cursor when that is not over; else the one that is shown. */
static const struct build *current_build(const struct main_screen *main)
{
    const struct app *app = main->screen.app;
    const struct service *service = pane_services_current(main->panes[PANE_SERVICES]);
    const struct build *build = main->focus == PANE_SERVICES && service != NULL
                                    ? store_build(app_store(app), service->last_build_id)
                                    : NULL;
    if (main->focus == PANE_BUILD)
        return pane_build_current(main->panes[PANE_BUILD]);
    return build != NULL && !build_is_over(build) ? build : app_build_shown(app);
}

static void stop_build(struct main_screen *main)
{
    const struct build *build = current_build(main);
    app_build_stop(main->screen.app, build != NULL ? build->id : 0);
}

static void build_again(struct main_screen *main)
{
    const struct build *build = current_build(main);
    uint64_t id;
    if (build != NULL)
        app_build_again(main->screen.app, build->id, &id);
    else
        app_say(main->screen.app, STYLE_DIM, "Nothing has been built yet");
}

static void open_paths(struct main_screen *main)
{
    const struct build *build = current_build(main);
    const struct tree_row *row = pane_build_row(main->panes[PANE_BUILD]);
    if (build != NULL)
        paths_screen_open(main->screen.app, build, row != NULL ? row->step : 0);
    else
        app_say(main->screen.app, STYLE_DIM, "Nothing has been built yet");
}

static void open_log(struct main_screen *main)
{
    struct app *app = main->screen.app;
    const struct build *build = current_build(main);
    const struct service *service = pane_services_current(main->panes[PANE_SERVICES]);
    if (main->focus == PANE_SERVICES && service != NULL && !app_build_runs(app)) {
        const struct build *last = store_last_build(app_store(app), service->name);
        build = last != NULL ? last : build;
    }
    if (build != NULL)
        app_push(app, log_screen_new(build->id));
    else
        app_say(app, STYLE_DIM, "No build has run yet, so there is no log");
}

static void build_targets(struct main_screen *main, enum app_build_way way)
{
    struct app *app = main->screen.app;
    const struct build *shown = current_build(main);
    struct targets targets = {0};
    if (main->focus == PANE_BUILD && shown != NULL &&
        list_marked_len(main->panes[PANE_SERVICES]->list) == 0) {
        app_build(app, (const char *const *)shown->services, shown->services_len, way);
        return;
    }
    main_get_targets(main, &targets);
    targets_keep_buildable(&targets, app_store(app));
    if (targets.services_len > 0)
        app_build(app, (const char *const *)targets.services, targets.services_len, way);
    else
        app_say(app, STYLE_WARN, "%s: no service of the compose project, so it cannot be built",
                targets.title != NULL ? targets.title : "Nothing here");
    targets_done(&targets);
}

/* A command about builds; false: it is none. */
static bool main_build_command(struct main_screen *main, enum command command)
{
    switch (command) {
    case COMMAND_BUILD:
        build_targets(main, APP_BUILD);
        return true;
    case COMMAND_BUILD_NO_CACHE:
        build_targets(main, APP_BUILD_NO_CACHE);
        return true;
    case COMMAND_BUILD_TRADITIONAL:
        build_targets(main, APP_BUILD_TRADITIONAL);
        return true;
    case COMMAND_BUILD_ALL:
        app_build(main->screen.app, NULL, 0, APP_BUILD);
        return true;
    case COMMAND_BUILD_AGAIN:
        build_again(main);
        return true;
    case COMMAND_STOP:
        stop_build(main);
        return true;
    case COMMAND_LOG:
        open_log(main);
        return true;
    case COMMAND_PATHS:
        open_paths(main);
        return true;
    default:
        return false;
    }
}
