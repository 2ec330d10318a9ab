#include "tui/log_state.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "tui/input.h"

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

void log_search_next(struct log_screen *self, int direction)
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

void log_search_ask(struct log_screen *self)
{
    static const struct input_ops ops = {change_search, accept_search, cancel_search};
    mem_replace(&self->search_before, self->view.search);
    app_push(self->screen.app, input_new("/", "", &ops, self));
}

void log_search_follow(struct log_screen *self, bool scope_moved)
{
    if (scope_moved || log_screen_build(self) == NULL)
        restart(self);
    else if (self->scan != NULL)
        logscan_continue(self->scan);
}

void log_search_add_counts(const struct log_screen *self, struct buf *text)
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

void log_search_done(struct log_screen *self)
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

void log_error_go(struct log_screen *self, int direction)
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
