/* What the keys of the main screen do that have to do with builds. */
#include "tui/main_state.h"

#include "tui/app.h"
#include "tui/log_screen.h"
#include "tui/paths_screen.h"

/* The build that a command is about: the one under the cursor, of the service
 * under the cursor when that is not over; else the one that is shown. */
static const struct build *current_build(const struct main_screen *main)
{
    const struct app *app = main->screen.app;
    const struct service *service = pane_services_current(&main->services);
    const struct build *build =
        main->focus == PANE_SERVICES && service != NULL
            ? store_build(app_store(app), service->last_build_id)
            : NULL;
    if (main->focus == PANE_BUILD)
        return pane_build_current(&main->build);
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
    const struct tree_row *row = pane_build_row(&main->build);
    if (build != NULL)
        paths_screen_open(main->screen.app, build, row != NULL ? row->step : 0);
    else
        app_say(main->screen.app, STYLE_DIM, "Nothing has been built yet");
}

void main_open_step(struct main_screen *main)
{
    struct app *app = main->screen.app;
    const struct build *build = pane_build_current(&main->build);
    const struct tree_row *row = pane_build_row(&main->build);
    if (build == NULL)
        app_say(app, STYLE_DIM, "Nothing has been built yet");
    else if (row != NULL && row->step > 0)
        app_push(app, log_screen_for_step(build->id, row->step));
    else
        app_push(app, log_screen_new(build->id));
}

static void open_log(struct main_screen *main)
{
    struct app *app = main->screen.app;
    const struct build *build = current_build(main);
    const struct service *service = pane_services_current(&main->services);
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
    if (main->focus == PANE_BUILD && shown != NULL && list_marked_len(&main->services.list) == 0) {
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

bool main_build_command(struct main_screen *main, enum command command)
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
