#include "tui/plan_screen.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tui/app.h"
#include "tui/ask.h"
#include "tui/help.h"
#include "tui/plan_state.h"
#include "tui/progress_screen.h"

enum { WAIT_MS = 5000 };

static bool keeps_busy(const struct plan *plan)
{
    for (size_t i = 0; i < plan->kept_len; i++)
        if (plan->kept[i].busy)
            return true;
    return false;
}

/* Whole caches that nobody named: this project's current ones take a word more. */
static unsigned spares_current(const struct plan_screen *self)
{
    const struct query *query = &self->query;
    bool spares = query->whole && query->services_len == 0 && !query->live && !query->all &&
                  app_store(self->screen.app)->project != NULL;
    return spares ? KEYS_CAREFUL_PLAN : 0;
}

unsigned plan_where(const struct screen *screen)
{
    const struct plan_screen *self = (const struct plan_screen *)screen;
    if (self->plan == NULL || app_read_only(screen->app))
        return KEYS_RESULT;
    if (keeps_busy(self->plan))
        return (self->plan->items_len > 0 ? KEYS_BUSY_PLAN : KEYS_NOTHING_PLAN) |
               spares_current(self);
    return (self->plan->items_len > 0 ? KEYS_PLAN : KEYS_RESULT) | spares_current(self);
}

/* ---- getting the plan */

static void forget_plan(struct plan_screen *self)
{
    plan_free(self->plan);
    plan_free(self->before);
    plan_changes_done(&self->changes);
    free(self->command);
    self->plan = self->before = NULL;
    self->command = NULL;
    self->drawn = false;
}

static void show_rows(struct plan_screen *self)
{
    plan_rows_make(&self->rows, self->plan, self->before != NULL ? &self->changes : NULL);
    scroll_set_len(&self->scroll, self->rows.len);
    free(self->command);
    self->command = plan_docker_command(self->plan);
}

static void leave_out_again(struct plan_screen *self)
{
    for (size_t i = 0; i < self->left_out_len; i++)
        plan_drop(self->plan, plan_find(self->plan, &self->left_out[i]));
}

static void execute(struct plan_screen *self);

/* The plan that was agreed to, made again: the same is carried out, and of
 * another what has changed is shown. */
static void hold_against(struct plan_screen *self, struct plan *before)
{
    self->before = before;
    self->changes = plan_compare(before, self->plan);
    show_rows(self);
    if (plan_has_changed(&self->changes))
        return;
    self->drawn = true; /* it was: all of it */
    execute(self);
}

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct plan_screen *self = arg;
    struct plan *before = self->agreed ? self->plan : NULL;
    if (before != NULL)
        self->plan = NULL;
    self->agreed = false;
    forget_plan(self);
    mem_replace(&self->error, NULL);
    if (plan == NULL) {
        plan_free(before);
        mem_replace(&self->error, err != NULL ? err->text : "no plan came");
        self->waiting = false;
        return;
    }
    self->plan = plan;
    leave_out_again(self);
    if (!keeps_busy(plan))
        self->waiting = false;
    if (before != NULL)
        hold_against(self, before);
    else
        show_rows(self);
}

static void ask_again(struct plan_screen *self)
{
    app_plan(self->screen.app, &self->query, on_plan, self);
}

static void on_timer(uv_timer_t *timer)
{
    struct plan_screen *self = timer->data;
    if (self->waiting)
        ask_again(self);
    else
        uv_timer_stop(timer);
}

/* ---- commands */

static bool is_stale(const struct plan *plan)
{
    int64_t age = clock_now() - plan->made_at;
    return age < 0 || age > (PLAN_VALID_SECONDS - 5) * CLOCK_SECOND;
}

static void execute(struct plan_screen *self)
{
    struct app *app = self->screen.app;
    if (!self->drawn || self->agreed)
        return;
    if (self->plan->items_len == 0 || app_read_only(app)) {
        app_close(&self->screen);
        return;
    }
    if (is_stale(self->plan)) {
        self->agreed = app_plan(app, &self->query, on_plan, self);
        return;
    }
    if (!app_execute(app, self->plan))
        return;
    self->plan = NULL;
    app_close(&self->screen);
    app_push(app, progress_screen_new());
}

static void on_now(void *arg)
{
    struct plan_screen *self = arg;
    self->query.now = true;
    self->waiting = false;
    ask_again(self);
}

static void ask_now(struct plan_screen *self)
{
    app_push(self->screen.app,
             ask_new("Busy caches too?",
                     "Somebody may be exporting into these caches. Taking blobs from under an "
                     "export can leave a cache that names layers which are gone: that build "
                     "still succeeds, the next ones fail. Better: wait (w), or stop the build.",
                     "plan with busy caches", on_now, self));
}

/* The plan without them is no longer there to be said yes to. */
static void plan_current_too(struct plan_screen *self)
{
    struct query wider = self->query;
    wider.live = true;
    if (self->agreed || !app_plan(self->screen.app, &wider, on_plan, self))
        return;
    self->query = wider;
    forget_plan(self);
}

static void wait_for_others(struct plan_screen *self)
{
    self->waiting = true;
    uv_timer_start(&self->timer, on_timer, WAIT_MS, WAIT_MS);
}

static const struct plan_row *current_row(const struct plan_screen *self)
{
    return self->scroll.cursor < self->rows.len ? &self->rows.rows[self->scroll.cursor] : NULL;
}

/* Whatever else is made of this query, it stays out. */
static void note_left_out(struct plan_screen *self, const struct plan_item *item)
{
    self->left_out =
        mem_realloc(self->left_out, (self->left_out_len + 1) * sizeof *self->left_out);
    struct plan_item *note = &self->left_out[self->left_out_len++];
    *note = (struct plan_item){.kind = item->kind, .id = mem_strdup(item->id)};
    mem_replace(&note->service_id, item->service_id);
    mem_replace(&note->builder, item->builder);
}

static void leave_out(struct plan_screen *self)
{
    const struct plan_row *row = current_row(self);
    if (self->agreed || row == NULL || row->kind != PLAN_ROW_ITEM)
        return;
    note_left_out(self, &self->plan->items[row->index]);
    plan_drop(self->plan, row->index);
    /* What was new or other is not known of the items' new places. */
    plan_free(self->before);
    self->before = NULL;
    plan_changes_done(&self->changes);
    show_rows(self);
}

static void sort(struct plan_screen *self)
{
    const struct plan_row *row = current_row(self);
    if (self->plan == NULL)
        return;
    size_t item = row != NULL && row->kind == PLAN_ROW_ITEM ? row->index : SIZE_MAX;
    pane_next_sort(&self->rows.sort, &self->rows.descending, plan_sorts, plan_sorts_len);
    show_rows(self);
    scroll_to(&self->scroll, plan_rows_find(&self->rows, item));
}

static void plan_command(struct screen *screen, enum command command)
{
    struct plan_screen *self = (struct plan_screen *)screen;
    if (scroll_command(&self->scroll, command))
        return;
    switch (command) {
    case COMMAND_YES:
        execute(self);
        break;
    case COMMAND_NOW:
        ask_now(self);
        break;
    case COMMAND_LIVE:
        plan_current_too(self);
        break;
    case COMMAND_WAIT:
        wait_for_others(self);
        break;
    case COMMAND_DROP:
        leave_out(self);
        break;
    case COMMAND_SORT:
        sort(self);
        break;
    case COMMAND_HELP:
        app_push(screen->app, help_new(plan_where(screen), "Plan"));
        break;
    default:
        if (self->waiting)
            self->waiting = false;
        else if (self->drawn || self->error != NULL || command == COMMAND_BACK)
            app_close(screen);
    }
}

static void plan_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct plan_screen *self = (struct plan_screen *)screen;
    if (mouse->wheel != 0)
        scroll_by(&self->scroll, mouse->wheel * 3);
    else if (mouse->y >= 2 && self->scroll.top + (size_t)(mouse->y - 2) < self->scroll.len)
        scroll_to(&self->scroll, self->scroll.top + (size_t)(mouse->y - 2));
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void plan_screen_free(struct screen *screen)
{
    struct plan_screen *self = (struct plan_screen *)screen;
    app_plan_forget(screen->app, self);
    forget_plan(self);
    for (size_t i = 0; i < self->left_out_len; i++) {
        free(self->left_out[i].service_id);
        free(self->left_out[i].builder);
        free(self->left_out[i].id);
    }
    free(self->left_out);
    plan_rows_done(&self->rows);
    free(self->error);
    targets_done(&self->targets);
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}

static const struct screen_ops plan_ops = {
    .title = "Plan",
    .where = plan_where,
    .draw = plan_draw,
    .command = plan_command,
    .mouse = plan_mouse,
    .free = plan_screen_free,
};

void plan_screen_open(struct app *app, const struct query *query, struct targets *targets)
{
    struct plan_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &plan_ops;
    self->query = *query;
    self->targets = *targets;
    *targets = (struct targets){0};
    uv_timer_init(app_loop(app), &self->timer);
    self->timer.data = self;
    app_push(app, &self->screen);
    if (!app_plan(app, query, on_plan, self))
        app_close(&self->screen);
}

void plan_screen_for_targets(struct app *app, struct targets *targets, bool records)
{
    struct query query;
    query_init(&query);
    if (records && targets->records_len > 0) {
        query.records = true;
        query.ids = (const char *const *)targets->records;
        query.ids_len = targets->records_len;
        query.builder = targets->builder;
    } else if (!records && targets->rows_len > 0) {
        /* As "prune --service" does: with the records that are its own, where
         * there is an engine to ask. */
        const struct builder *builder = store_selected_builder(app_store(app));
        query.whole = true;
        query.records = builder != NULL && builder->reachable;
        query.services = (const char *const *)targets->rows;
        query.services_len = targets->rows_len;
    } else {
        app_say(app, STYLE_DIM, "Nothing is marked or under the cursor");
        return;
    }
    plan_screen_open(app, &query, targets);
}
