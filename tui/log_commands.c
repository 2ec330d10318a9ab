/* What the keys of the log screen do. */
#include "tui/log_state.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "tui/help.h"
#include "tui/input.h"
#include "tui/log_save.h"
#include "tui/paths_screen.h"

static void turn_service(struct log_screen *self, const struct build *build, int direction)
{
    if (!log_scope_turn(&self->scope, build, direction))
        app_say(self->screen.app, STYLE_DIM, "There is no more than one service here");
    self->view.has_hit = false;
}

/* The step of the line that the eye is on: alone, or among the others again. */
static void turn_step(struct log_screen *self, const struct build *build)
{
    struct log_view *view = &self->view;
    bool seen = view->has_hit && view->hit >= view->top && view->hit <= view->last;
    struct buildlog_line line;
    if (self->scope.step > 0) {
        self->scope.step = 0;
    } else if (buildlog_get(build->log, seen ? view->hit : view->top, &line) == 0 &&
               line.step > 0) {
        self->scope.step = line.step;
    } else {
        app_say(self->screen.app, STYLE_DIM, "This line is of no step");
    }
}

static bool accept_save(void *arg, const char *text)
{
    struct log_screen *self = arg;
    const struct build *build = log_screen_build(self);
    if (build != NULL && *text != '\0')
        log_save(self->screen.app, build, &self->view.filter, text);
    return true;
}

static void ask_save(struct log_screen *self, const struct build *build)
{
    static const struct input_ops ops = {NULL, accept_save, NULL};
    bool all = logfilter_takes_all(&self->view.filter);
    char *name = log_save_name(build, self->scope.service);
    app_push(self->screen.app,
             input_new(all ? "Save the log to: " : "Save these lines to: ", name, &ops, self));
    free(name);
}

static void build_again(struct log_screen *self)
{
    uint64_t id;
    if (!app_build_again(self->screen.app, self->build_id, &id))
        return;
    self->build_id = id;
    log_scope_done(&self->scope);
    logscan_free(self->scan);
    self->scan = NULL;
    self->view.has_hit = self->at_match = false;
    self->view.follow = true;
    mem_replace(&self->view.search, NULL);
}

static void build_command(struct log_screen *self, const struct build *build,
                          enum command command)
{
    switch (command) {
    case COMMAND_SERVICE_NEXT:
        turn_service(self, build, 1);
        break;
    case COMMAND_SERVICE_PREVIOUS:
        turn_service(self, build, -1);
        break;
    case COMMAND_OPEN:
        turn_step(self, build);
        break;
    case COMMAND_SAVE:
        ask_save(self, build);
        break;
    case COMMAND_PATHS:
        paths_screen_open(self->screen.app, build, self->scope.step);
        break;
    case COMMAND_STOP:
        app_build_stop(self->screen.app, build->id);
        break;
    case COMMAND_BUILD_AGAIN:
        build_again(self);
        break;
    default:
        break;
    }
}

static void view_command(struct log_screen *self, enum command command)
{
    struct log_view *view = &self->view;
    switch (command) {
    case COMMAND_FOLLOW:
        view->follow = !view->follow;
        break;
    case COMMAND_WRAP:
        view->wrap = !view->wrap;
        view->left = 0;
        view->top_row = 0;
        break;
    case COMMAND_TIMES:
        view->times = !view->times;
        log_search_follow(self, true);
        break;
    default:
        break;
    }
}

static void seek_command(struct log_screen *self, enum command command)
{
    switch (command) {
    case COMMAND_SEARCH:
        log_search_ask(self);
        break;
    case COMMAND_NEXT_MATCH:
        log_search_next(self, 1);
        break;
    case COMMAND_PREVIOUS_MATCH:
        log_search_next(self, -1);
        break;
    case COMMAND_FIRST_ERROR:
        log_error_go(self, 0);
        break;
    case COMMAND_NEXT_ERROR:
        log_error_go(self, 1);
        break;
    case COMMAND_PREVIOUS_ERROR:
        log_error_go(self, -1);
        break;
    default:
        break;
    }
}

void log_command(struct screen *screen, enum command command)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = log_screen_build(self);
    if (command == COMMAND_HELP)
        app_push(screen->app, help_new(KEYS_LOG, "Log"));
    if (command == COMMAND_BACK)
        app_close(screen);
    if (build == NULL || log_view_command(&self->view, build->log, command))
        return;
    view_command(self, command);
    seek_command(self, command);
    build_command(self, build, command);
}
