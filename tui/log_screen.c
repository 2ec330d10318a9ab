#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/build.h"
#include "core/builds/log/logsave.h"
#include "core/builds/log/logscan.h"
#include "tui/app.h"
#include "tui/input.h"
#include "tui/kit/format.h"
#include "tui/kit/screen.h"
#include "tui/log_scope.h"
#include "tui/log_view.h"
#include "tui/screens.h"

/* The inside of the log screen: log_screen.c draws, log_commands.c acts,
 * log_search.c seeks text and errors. */

/* Writes a build's log to a file, away from the loop. */

struct log_screen {
    struct screen screen;
    uint64_t build_id;
    struct log_scope scope;
    struct log_view view;
    bool at_error;        /* to begin with: the first error, once it is known */
    struct logscan *scan; /* NULL: nothing is sought */
    int pending;          /* a search under way: its direction; 0: none */
    uint64_t pending_from;
    bool at_match;       /* the hit is one of a search */
    bool wrapped;        /* it has gone on from the other end */
    char *search_before; /* while another is typed */
};

static void log_save(struct app *app, const struct build *build, const struct logfilter *filter,
                     const char *path);
static char *log_save_name(const struct build *build, const char *service);
static void log_command(struct screen *screen, enum command command);
static void log_search_ask(struct log_screen *self);
static void log_search_next(struct log_screen *self, int direction);
static void log_search_follow(struct log_screen *self, bool scope_moved);
static void log_search_add_counts(const struct log_screen *self, struct buf *text);
static void log_search_done(struct log_screen *self);
static void log_error_go(struct log_screen *self, int direction);

static unsigned log_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_LOG;
}

static const struct build *log_screen_build(const struct log_screen *self)
{
    return store_build(app_store(self->screen.app), self->build_id);
}

/* ---- what is looked at */

/* Steps come while it runs: the filter grows with them. */
static void set_filter(struct log_screen *self, const struct build *build)
{
    struct logfilter filter = log_scope_filter(&self->scope, build);
    bool moved = !logfilter_equals(&filter, &self->view.filter);
    if (moved) {
        logfilter_done(&self->view.filter);
        self->view.filter = filter;
    } else {
        logfilter_done(&filter);
    }
    log_search_follow(self, moved);
}

static void sync_view(struct log_screen *self, const struct build *build)
{
    app_watch_log(self->screen.app, build);
    set_filter(self, build);
    if (!self->at_error)
        return;
    self->at_error = false;
    if (log_next_error(build, &self->view.filter, 0, 1, &(uint64_t){0}))
        log_error_go(self, 0);
}

static void log_changed(struct screen *screen)
{
    struct log_screen *self = (struct log_screen *)screen;
    if (log_screen_build(self) == NULL)
        log_search_follow(self, true);
}

/* ---- drawing */

static void add_scope(const struct log_screen *self, const struct build *build, struct buf *title)
{
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    const struct step *step = build_find_step(build, self->scope.step);
    if (step != NULL) {
        buf_printf(title, " %s ", glyphs->arrow);
        format_step_name(title, step);
    } else if (self->scope.service != NULL) {
        buf_printf(title, " %s ", glyphs->arrow);
        text_clean(title, self->scope.service, strlen(self->scope.service));
        buf_append_str(title, " only");
    }
}

static void add_title(const struct log_screen *self, const struct build *build, struct buf *title)
{
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    buf_printf(title, "Log %s ", glyphs->horizontal);
    format_services(title, build);
    add_scope(self, build, title);
    buf_printf(title, " %s %s", glyphs->dot, build_state_name(build->state));
    buf_printf(title, " %s %s", glyphs->dot, self->view.follow ? "following" : "paused");
    if (self->view.wrap)
        buf_printf(title, " %s wrapped", glyphs->dot);
    if (!self->view.times)
        buf_printf(title, " %s no times", glyphs->dot);
}

/* Where in the log it stands, and what is not there any more. */
static void add_place(const struct log_screen *self, const struct build *build, struct buf *text)
{
    const struct log_view *view = &self->view;
    uint64_t first = buildlog_first(build->log), end = buildlog_end(build->log);
    int code = buildlog_spill_error(build->log);
    size_t before = text->len;
    log_search_add_counts(self, text);
    if (text->len > before)
        buf_printf(text, " %s ", app_theme(self->screen.app)->glyphs->dot);
    if (!logfilter_takes_all(&view->filter))
        buf_printf(text, "%llu of ", (unsigned long long)buildlog_count(build->log, &view->filter));
    else if (end > 0)
        buf_printf(text, "%llu-%llu of ", (unsigned long long)view->top + 1,
                   (unsigned long long)view->last + 1);
    buf_printf(text, "%llu", (unsigned long long)end);
    uint64_t kept = buildlog_first_in_memory(build->log);
    if (kept > first)
        buf_printf(text, ", %llu in a file", (unsigned long long)(kept - first));
    if (first > 0)
        buf_printf(text, ", oldest %llu gone", (unsigned long long)first);
    if (code != 0)
        buf_printf(text, " (%s)", err_reason(code));
}

/* At the right of the upper edge, where the title leaves room for it. */
static void draw_place(const struct log_screen *self, const struct canvas *canvas,
                       const struct build *build, int title_cols)
{
    struct buf text = {0};
    buf_append_str(&text, " ");
    add_place(self, build, &text);
    buf_append_str(&text, " ");
    int width = (int)text_width(text.data), room = canvas->cols - title_cols - 4;
    if (room > 8)
        canvas_text(canvas, 0, canvas->cols - 1 - (width < room ? width : room),
                    width < room ? width : room, STYLE_TITLE, text.data);
    buf_done(&text);
}

static void draw_log(struct log_screen *self, const struct canvas *canvas,
                     const struct build *build)
{
    struct buf title = {0};
    self->view.rows = canvas->rows - 2;
    sync_view(self, build);
    add_title(self, build, &title);
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, title.data);
    log_view_draw(&self->view, build->log, &inside);
    if (buildlog_end(build->log) == 0)
        canvas_text(&inside, 0, 1, inside.cols, STYLE_DIM, "Nothing has been printed yet");
    draw_place(self, canvas, build, (int)text_width(title.data));
    buf_done(&title);
}

static void log_draw_screen(struct screen *screen, const struct canvas *canvas)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = log_screen_build(self);
    if (build != NULL) {
        draw_log(self, canvas, build);
    } else {
        struct canvas inside = canvas_box(canvas, STYLE_BORDER, "Log");
        canvas_text(&inside, 0, 1, inside.cols, STYLE_DIM, "This build is gone");
    }
    app_draw_bottom(screen->app, canvas, KEYS_LOG);
}

static void log_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = log_screen_build(self);
    if (build != NULL && mouse->wheel != 0)
        log_view_scroll(&self->view, build->log, mouse->wheel * 3);
}

static void log_free(struct screen *screen)
{
    struct log_screen *self = (struct log_screen *)screen;
    log_search_done(self);
    log_scope_done(&self->scope);
    log_view_done(&self->view);
    free(self);
}

static const struct screen_ops log_ops = {
    .title = "Log",
    .where = log_where,
    .draw = log_draw_screen,
    .command = log_command,
    .mouse = log_mouse,
    .changed = log_changed,
    .free = log_free,
};

static struct log_screen *make(uint64_t build_id)
{
    struct log_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &log_ops;
    self->build_id = build_id;
    self->view.follow = self->view.times = true;
    return self;
}

struct screen *log_screen_new(uint64_t build_id)
{
    struct log_screen *self = make(build_id);
    self->at_error = true;
    return &self->screen;
}

struct screen *log_screen_for_step(uint64_t build_id, int step)
{
    struct log_screen *self = make(build_id);
    self->scope.step = step;
    self->at_error = true;
    return &self->screen;
}

/* What the keys of the log screen do. */

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

static void build_command(struct log_screen *self, const struct build *build, enum command command)
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

static void log_command(struct screen *screen, enum command command)
{
    struct log_screen *self = (struct log_screen *)screen;
    const struct build *build = log_screen_build(self);
    if (command == COMMAND_HELP)
        app_push(screen->app, help_screen_new(KEYS_LOG, "Log"));
    if (command == COMMAND_BACK)
        app_close(screen);
    if (build == NULL || log_view_command(&self->view, build->log, command))
        return;
    view_command(self, command);
    seek_command(self, command);
    build_command(self, build, command);
}

/* ---- text */

static void go_on(struct log_screen *self);

static void on_moved(void *arg)
{
    struct log_screen *self = arg;
    app_touch(self->screen.app);
    go_on(self);
}

static void restart(struct log_screen *self)
{
    const struct build *build = log_screen_build(self);
    const char *text = self->view.search;
    if (text == NULL || build == NULL) {
        logscan_free(self->scan);
        self->scan = NULL;
        return;
    }
    const struct logscan_query query = {
        .text = text,
        .exact_case = log_case_counts(text),
        .filter = &self->view.filter,
        .bare = !self->view.times,
    };
    if (self->scan != NULL)
        logscan_restart(self->scan, &query);
    else
        self->scan = logscan_new(app_loop(self->screen.app), build->log, &query, on_moved, self);
}

static void say_not_found(struct log_screen *self)
{
    app_say(self->screen.app, STYLE_WARN, "Not found: %s", self->view.search);
    self->pending = 0;
}

/* Once at the end, it goes on from the other one. */
static void go_on(struct log_screen *self)
{
    const struct build *build = log_screen_build(self);
    uint64_t number;
    while (self->pending != 0 && self->scan != NULL && build != NULL) {
        int code = logscan_find(self->scan, self->pending_from, self->pending, &number);
        if (code == BUILDLOG_LOADING)
            return;
        if (code == 0) {
            log_view_go_to(&self->view, build->log, number, self->view.rows / 3);
            self->at_match = true;
            if (self->wrapped)
                app_say(self->screen.app, STYLE_DIM, "Searched on from the %s",
                        self->pending > 0 ? "top" : "end");
            self->pending = 0;
        } else if (!self->wrapped) {
            self->wrapped = true;
            self->pending_from =
                self->pending > 0 ? buildlog_first(build->log) : buildlog_end(build->log);
        } else {
            say_not_found(self);
        }
    }
}

static void seek(struct log_screen *self, uint64_t from, int direction)
{
    self->pending = direction;
    self->pending_from = from;
    self->wrapped = false;
    go_on(self);
}

static bool hit_is_seen(const struct log_view *view)
{
    return view->has_hit && view->hit >= view->top && view->hit <= view->last;
}

static void log_search_next(struct log_screen *self, int direction)
{
    const struct log_view *view = &self->view;
    if (view->search == NULL) {
        app_say(self->screen.app, STYLE_DIM, "Nothing is sought yet: / asks for it");
        return;
    }
    uint64_t from = hit_is_seen(view) ? view->hit : direction > 0 ? view->top : view->last;
    if (hit_is_seen(view))
        from = direction > 0 ? from + 1 : from > 0 ? from - 1 : UINT64_MAX;
    seek(self, from, direction);
}

static void change_search(void *arg, const char *text)
{
    struct log_screen *self = arg;
    mem_replace(&self->view.search, *text != '\0' ? text : NULL);
    self->pending = 0;
    self->at_match = false;
    restart(self);
}

/* An empty line marks nothing any more. */
static bool accept_search(void *arg, const char *text)
{
    struct log_screen *self = arg;
    change_search(self, text);
    mem_replace(&self->search_before, NULL);
    self->view.has_hit = self->at_match = false;
    if (self->view.search != NULL)
        seek(self, self->view.top, 1);
    return true;
}

static void cancel_search(void *arg)
{
    struct log_screen *self = arg;
    char *before = self->search_before;
    self->search_before = NULL;
    change_search(self, before != NULL ? before : "");
    free(before);
}

/* ---- log_search.c */
static void log_search_ask(struct log_screen *self)
{
    static const struct input_ops ops = {change_search, accept_search, cancel_search};
    mem_replace(&self->search_before, self->view.search);
    app_push(self->screen.app, input_new("/", "", &ops, self));
}

/* The build has moved, or what is looked at: seeks in what is new. */
static void log_search_follow(struct log_screen *self, bool scope_moved)
{
    if (scope_moved || log_screen_build(self) == NULL)
        restart(self);
    else if (self->scan != NULL)
        logscan_continue(self->scan);
}

/* "3 of 17"; nothing while nothing is sought. */
static void log_search_add_counts(const struct log_screen *self, struct buf *text)
{
    uint64_t rank;
    if (self->scan == NULL)
        return;
    struct logscan_counts counts = logscan_counts(self->scan);
    buf_printf(text, "/%s ", self->view.search);
    if (self->at_match && logscan_rank(self->scan, self->view.hit, &rank))
        buf_printf(text, "%llu of ", (unsigned long long)rank + 1);
    buf_printf(text, "%llu%s", (unsigned long long)counts.matches,
               counts.over ? "" : app_theme(self->screen.app)->glyphs->ellipsis);
}

static void log_search_done(struct log_screen *self)
{
    logscan_free(self->scan);
    free(self->search_before);
}

/* ---- errors */

static void say_no_error(struct log_screen *self, const struct build *build, int direction)
{
    struct app *app = self->screen.app;
    uint64_t any;
    bool some = log_next_error(build, &self->view.filter, 0, 1, &any);
    if (some)
        app_say(app, STYLE_DIM, "No failed step %s", direction > 0 ? "below" : "above");
    else if (build->state == BUILD_FAILED && build->error != NULL)
        app_say(app, STYLE_BAD, "No step has failed, but the build: %s", build->error);
    else
        app_say(app, STYLE_DIM, "No step has failed");
}

/* To the first error of all (direction 0), the next one or the one before. */
static void log_error_go(struct log_screen *self, int direction)
{
    const struct build *build = log_screen_build(self);
    struct log_view *view = &self->view;
    uint64_t number, here = view->has_hit ? view->hit : view->top;
    if (build == NULL)
        return;
    uint64_t from = direction > 0 ? here + 1 : direction < 0 && here > 0 ? here - 1 : 0;
    if ((direction < 0 && here == 0) ||
        !log_next_error(build, &view->filter, from, direction < 0 ? -1 : 1, &number))
        say_no_error(self, build, direction);
    else
        log_view_go_to(view, build->log, number, view->rows * 3 / 4);
    self->at_match = false;
}

struct saving {
    struct app *app;
    uint64_t build_id;
    char *path;
};

/* The whole path is said, so that it can be pasted anywhere. */
static void on_saved(void *arg, const struct logsave_result *result, const struct err *err)
{
    struct saving *saving = arg;
    if (err != NULL) {
        app_say(saving->app, STYLE_BAD, "%s", err->text);
    } else {
        char *whole = realpath(saving->path, NULL);
        const char *path = whole != NULL ? whole : saving->path;
        app_note_saved(saving->app, saving->build_id, path);
        if (result->gone > 0)
            app_say(saving->app, STYLE_WARN, "Saved to %s, without %llu lines that had gone", path,
                    (unsigned long long)result->gone);
        else
            app_say(saving->app, STYLE_GOOD, "Saved to %s", path);
        free(whole);
    }
    free(saving->path);
    free(saving);
}

/* Says when the lines that the filter takes are written, or why not; the path
 * is said whole and remembered. Never overwrites a file. */
static void log_save(struct app *app, const struct build *build, const struct logfilter *filter,
                     const char *path)
{
    struct saving *saving = mem_zalloc(sizeof *saving);
    *saving = (struct saving){.app = app, .build_id = build->id, .path = mem_strdup(path)};
    logsave_start(app_loop(app), build->log, path, filter, on_saved, saving);
}

/* A name for it: "api-20261122-131500.log". `service`: whose lines they are;
 * NULL: of all. The caller frees it. */
static char *log_save_name(const struct build *build, const char *service)
{
    struct buf name = {0};
    char at[32] = "";
    time_t seconds = (time_t)(build->started_at / CLOCK_SECOND);
    struct tm local;
    if (service == NULL)
        service = build->services_len == 1 ? build->services[0] : "build";
    text_clean(&name, service, strlen(service));
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] == '/')
            name.data[i] = '_';
    if (localtime_r(&seconds, &local) != NULL)
        strftime(at, sizeof at, "-%Y%m%d-%H%M%S", &local);
    buf_printf(&name, "%s.log", at);
    return buf_take(&name);
}
