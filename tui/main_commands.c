#include "tui/main_state.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/prune/query.h"
#include "tui/app.h"
#include "tui/details.h"
#include "tui/disk_screen.h"
#include "tui/doctor_screen.h"
#include "tui/help.h"
#include "tui/history_screen.h"
#include "tui/input.h"
#include "tui/places_screen.h"
#include "tui/plan_screen.h"
#include "tui/progress_screen.h"
#include "tui/prune_menu.h"
#include "tui/targets.h"

/* ---- filter */

struct list *main_list(struct main_screen *main)
{
    return main->focus == PANE_SERVICES  ? &main->services.list
           : main->focus == PANE_RECORDS ? &main->records.list
                                         : NULL;
}

static void set_filter(void *arg, const char *text)
{
    struct main_screen *main = arg;
    struct list *list = main_list(main);
    struct query_line line;
    /* Half a condition, as it is typed, changes nothing yet. */
    if (list == NULL || query_line_read(&line, text != NULL ? text : "", NULL) < 0)
        return;
    query_line_done(&line);
    list_set_filter(list, text);
    main->services.stale = main->records.stale = true;
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
    const struct list *list = main_list(main);
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
    if (main->focus == PANE_SERVICES && service != NULL)
        app_push(app, details_service_new(service->id));
    else if (main->focus == PANE_RECORDS && record != NULL)
        open_record(main, record);
    else if (main->focus == PANE_BUILD)
        main_open_step(main);
}

static void open_history(struct main_screen *main)
{
    const struct service *service = pane_services_current(&main->services);
    bool one = main->focus == PANE_SERVICES && service != NULL &&
               store_past_build(app_store(main->screen.app), service->name) != NULL;
    app_push(main->screen.app, history_screen_new(one ? service->name : NULL));
}

void main_get_targets(const struct main_screen *main, struct targets *ret_targets)
{
    const struct builder *builder = pane_records_builder(&main->records);
    targets_of_services(ret_targets, app_store(main->screen.app), &main->services.list);
    targets_of_records(ret_targets, builder, &main->records.list);
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
        app_push(main->screen.app, progress_screen_new());
        return;
    }
    main_get_targets(main, &targets);
    mem_replace(&targets.filter, main->records.list.filter);
    struct screen *menu = prune_menu_new(&targets);
    app_push(main->screen.app, menu);
    if (command == COMMAND_FREE)
        prune_menu_ask_size(menu);
}

static void go_back(struct main_screen *main)
{
    struct list *list = main_list(main);
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

static void show_builder(void *arg, const char *builder)
{
    struct main_screen *main = arg;
    pane_records_choose(&main->records, builder);
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
        main->focus = (enum pane)(command - COMMAND_PANE_1);
        break;
    case COMMAND_RESCAN:
        app_rescan(app, NULL);
        break;
    case COMMAND_PLACES:
        places_screen_open(app, show_builder, main);
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

bool main_pane_command(struct main_screen *main, enum command command)
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

void main_command(struct screen *screen, enum command command)
{
    struct main_screen *main = (struct main_screen *)screen;
    main_sync(main);
    if (!main_pane_command(main, command) && !main_build_command(main, command))
        main_row_command(main, command);
}
