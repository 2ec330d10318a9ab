#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/plan.h"
#include "tui/app.h"
#include "tui/ask.h"
#include "tui/kit/format.h"
#include "tui/kit/screen.h"
#include "tui/kit/scroll.h"
#include "tui/kit/table.h"
#include "tui/page.h"
#include "tui/screens.h"
#include "tui/targets.h"

/* The rows of the plan screen: items, in the order asked for, what is kept, and
 * what was in the plan until it was made again. */

/* The inside of the plan screen: for plan_screen.c, which acts, and
 * plan_view.c, which draws. */

enum plan_row_kind { PLAN_ROW_ITEM, PLAN_ROW_KEPT, PLAN_ROW_GONE, PLAN_ROW_HEADING };

struct plan_row {
    enum plan_row_kind kind;
    size_t index; /* of the item, the kept one, the item before; of a heading: enum plan_row_kind */
};

struct plan_rows {
    struct plan_row *rows;
    size_t len;
    size_t sort; /* in plan_sorts */
    bool descending;
};

extern const struct list_order plan_sorts[];
extern const size_t plan_sorts_len;

struct plan_screen {
    struct screen screen;
    struct targets targets; /* owns the strings of the query */
    struct query query;
    struct plan *plan; /* NULL while it is being made */
    /* The plan that was said yes to when it was too old, once it was made again;
     * else NULL. */
    struct plan *before;
    struct plan_changes changes; /* since then; all zero without one */
    struct plan_item *left_out;  /* what they are about: these stay out of later plans, too */
    size_t left_out_len;
    char *error;   /* instead of a plan */
    char *command; /* the docker command that does the same; NULL: none */
    bool drawn;    /* this very plan: what was not shown is not deleted */
    bool waiting;  /* until nothing is busy */
    bool agreed;   /* yes was said, and the plan is being made again */
    struct plan_rows rows;
    struct scroll scroll;
    uv_timer_t timer; /* asks again while waiting */
};

unsigned plan_where(const struct screen *screen);

static void plan_draw(struct screen *screen, const struct canvas *canvas);
static void plan_rows_make(struct plan_rows *rows, const struct plan *plan,
                           const struct plan_changes *changes);
static size_t plan_rows_find(const struct plan_rows *rows, size_t item);
static void plan_rows_done(struct plan_rows *rows);

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
    app_push(app, removal_screen_new());
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
    self->left_out = mem_realloc(self->left_out, (self->left_out_len + 1) * sizeof *self->left_out);
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
    list_next_order(&self->rows.sort, &self->rows.descending, plan_sorts, plan_sorts_len);
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
        app_push(screen->app, help_screen_new(plan_where(screen), "Plan"));
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

enum sort_rows { AS_PLANNED, BY_FREES, BY_SIZE, BY_AGE, BY_LOSS, BY_KIND, BY_SERVICE };

const struct list_order plan_sorts[] = {
    [AS_PLANNED] = {NULL, false},      [BY_FREES] = {"frees", true}, [BY_SIZE] = {"size", true},
    [BY_AGE] = {"age", true},          [BY_LOSS] = {"loss", false},  [BY_KIND] = {"kind", false},
    [BY_SERVICE] = {"service", false},
};
const size_t plan_sorts_len = sizeof plan_sorts / sizeof plan_sorts[0];

struct keyed {
    double number;
    const char *text;
    size_t index;
};

static struct keyed key_of(const struct plan *plan, size_t index, size_t sort_rows)
{
    const struct plan_item *item = &plan->items[index];
    struct keyed keyed = {0, "", index};
    switch ((enum sort_rows)sort_rows) {
    case BY_FREES:
        keyed.number = (double)item->frees_bytes;
        break;
    case BY_SIZE:
        keyed.number = (double)item->size_bytes;
        break;
    case BY_AGE:
        keyed.number = (double)item->age_s;
        break;
    case BY_LOSS:
        keyed.number = item->rebuild_s;
        break;
    case BY_KIND:
        keyed.number = item->kind;
        break;
    case BY_SERVICE:
        keyed.text = item->service != NULL ? item->service : "";
        break;
    case AS_PLANNED:
        break;
    }
    return keyed;
}

static int ascending(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* What is equal stays as it was planned. */
static int descending(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->number != y->number)
        return x->number > y->number ? -1 : 1;
    int order = strcmp(y->text, x->text);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static void add(struct plan_rows *rows, enum plan_row_kind kind, size_t index)
{
    rows->rows[rows->len++] = (struct plan_row){kind, index};
}

static void add_items(struct plan_rows *rows, const struct plan *plan)
{
    struct keyed *keyed = mem_alloc((plan->items_len + 1) * sizeof *keyed);
    for (size_t i = 0; i < plan->items_len; i++)
        keyed[i] = key_of(plan, i, rows->sort);
    if (plan->items_len > 0)
        qsort(keyed, plan->items_len, sizeof *keyed, rows->descending ? descending : ascending);
    for (size_t i = 0; i < plan->items_len; i++)
        add(rows, PLAN_ROW_ITEM, keyed[i].index);
    free(keyed);
}

/* Makes them anew. `changes` NULL: the plan is the first one. */
static void plan_rows_make(struct plan_rows *rows, const struct plan *plan,
                           const struct plan_changes *changes)
{
    size_t gone_len = changes != NULL ? changes->gone_len : 0;
    free(rows->rows);
    rows->rows = mem_alloc((plan->items_len + plan->kept_len + gone_len + 2) * sizeof *rows->rows);
    rows->len = 0;
    add_items(rows, plan);
    if (gone_len > 0)
        add(rows, PLAN_ROW_HEADING, PLAN_ROW_GONE);
    for (size_t i = 0; i < gone_len; i++)
        add(rows, PLAN_ROW_GONE, changes->gone[i]);
    if (plan->kept_len > 0)
        add(rows, PLAN_ROW_HEADING, PLAN_ROW_KEPT);
    for (size_t i = 0; i < plan->kept_len; i++)
        add(rows, PLAN_ROW_KEPT, i);
}

/* Where the item stands; 0 when it does not. */
static size_t plan_rows_find(const struct plan_rows *rows, size_t item)
{
    for (size_t i = 0; i < rows->len; i++)
        if (rows->rows[i].kind == PLAN_ROW_ITEM && rows->rows[i].index == item)
            return i;
    return 0;
}

static void plan_rows_done(struct plan_rows *rows)
{
    free(rows->rows);
    rows->rows = NULL;
    rows->len = 0;
}

enum { COMMAND_ROWS = 2, LOW_ROWS = 12, BRIEF_ROWS = 2, LIST_LEAST = 4 };

enum column { KIND, SERVICE, FREES, SIZE, AGE, LOSS, WHAT };
static const struct table_column columns[] = {
    [KIND] = {"KIND", 10, 0, false, 60},
    [SERVICE] = {"SERVICE", 10, 24, false, 48},
    [FREES] = {"FREES", 7, 0, true, 0},
    [SIZE] = {"SIZE", 7, 0, true, 70},
    [AGE] = {"AGE", 5, 0, true, 76},
    [LOSS] = {"LOSS", 11, 0, true, 100},
    [WHAT] = {"WHAT AND WHY", 12, 1000, false, 0},
};

/* The time to make it again; "~": guessed. */
static void draw_loss(const struct table *table, const struct canvas *row,
                      const struct plan_item *item)
{
    char took[TEXT_AGE_SIZE], text[TEXT_AGE_SIZE + 1];
    if (item->rebuild_s < 0.05)
        return;
    /* Of what is only guessed, tenths say too much. */
    double seconds = item->timed || item->rebuild_s < 1 ? item->rebuild_s : round(item->rebuild_s);
    snprintf(text, sizeof text, "%s%s", item->timed ? "" : "~",
             text_duration(took, (int64_t)(seconds * 1000)));
    table_cell(table, row, LOSS, STYLE_NORMAL, text);
}

static void draw_item(const struct table *table, const struct canvas *row,
                      const struct plan_item *item)
{
    char text[TEXT_SIZE_SIZE], age[TEXT_AGE_SIZE];
    struct buf what = {0};
    table_cell(table, row, KIND, STYLE_DIM, item_kind_name(item->kind));
    if (item->service != NULL)
        table_cell_raw(table, row, SERVICE, STYLE_NORMAL, item->service, strlen(item->service));
    table_cell(table, row, FREES, STYLE_BOLD, text_size(text, item->frees_bytes));
    table_cell(table, row, SIZE, STYLE_DIM, text_size(text, item->size_bytes));
    if (item->age_s >= 0)
        table_cell(table, row, AGE, STYLE_NORMAL, text_age(age, item->age_s));
    draw_loss(table, row, item);
    buf_append_str(&what, item->title);
    if (item->reason != NULL)
        buf_printf(&what, ": %s", item->reason);
    enum style style = item->gone_for_good ? STYLE_WARN : STYLE_NORMAL;
    table_cell_raw(table, row, WHAT, style, what.data, what.len);
    buf_done(&what);
}

static void draw_kept(const struct table *table, const struct canvas *row,
                      const struct plan_kept *kept)
{
    char text[TEXT_SIZE_SIZE];
    struct buf what = {0};
    table_cell(table, row, KIND, STYLE_DIM, item_kind_name(kept->kind));
    if (kept->service != NULL)
        table_cell_raw(table, row, SERVICE, STYLE_NORMAL, kept->service, strlen(kept->service));
    table_cell(table, row, SIZE, STYLE_DIM, text_size(text, kept->size_bytes));
    buf_append_str(&what, kept->title);
    if (kept->reason != NULL)
        buf_printf(&what, ": %s", kept->reason);
    table_cell_raw(table, row, WHAT, kept->busy ? STYLE_WARN : STYLE_NORMAL, what.data, what.len);
    buf_done(&what);
}

static void draw_heading(const struct plan_screen *self, const struct canvas *row,
                         enum plan_row_kind of)
{
    if (of == PLAN_ROW_GONE)
        canvas_printf(row, 0, 1, row->cols, STYLE_TITLE, "No longer in the plan (%zu)",
                      self->changes.gone_len);
    else
        canvas_printf(row, 0, 1, row->cols, STYLE_TITLE, "Kept (%zu)", self->plan->kept_len);
}

static void draw_change(const struct plan_screen *self, const struct canvas *row, size_t item)
{
    if (self->before == NULL || self->changes.items[item] == CHANGE_NONE)
        return;
    canvas_text(row, 0, 1, 1, STYLE_ACCENT, self->changes.items[item] == CHANGE_NEW ? "+" : "~");
}

static void draw_row(const struct plan_screen *self, const struct table *table,
                     const struct canvas *row, const struct plan_row *at)
{
    switch (at->kind) {
    case PLAN_ROW_ITEM:
        draw_change(self, row, at->index);
        draw_item(table, row, &self->plan->items[at->index]);
        break;
    case PLAN_ROW_KEPT:
        draw_kept(table, row, &self->plan->kept[at->index]);
        break;
    case PLAN_ROW_GONE:
        draw_item(table, row, &self->before->items[at->index]);
        break;
    case PLAN_ROW_HEADING:
        draw_heading(self, row, (enum plan_row_kind)at->index);
        break;
    }
}

static int longest_service(const struct plan *plan)
{
    int longest = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        if (plan->items[i].service != NULL)
            longest = list_longer(longest, plan->items[i].service);
    for (size_t i = 0; i < plan->kept_len; i++)
        if (plan->kept[i].service != NULL)
            longest = list_longer(longest, plan->kept[i].service);
    return longest;
}

static void draw_rows(struct plan_screen *self, const struct canvas *canvas)
{
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_fit_column(&table, SERVICE, longest_service(self->plan));
    table_layout(&table, 2, canvas->cols);
    table_draw_titles(&table, canvas, 0);
    struct canvas rows = canvas_part(canvas, 1, 0, canvas->rows - 1, canvas->cols);
    scroll_show(&self->scroll, (size_t)rows.rows);
    for (int y = 0; y < rows.rows; y++) {
        size_t at = self->scroll.top + (size_t)y;
        if (at >= self->scroll.len)
            break;
        bool current = at == self->scroll.cursor;
        struct canvas row = canvas_row(&rows, y, current ? STYLE_CURSOR : STYLE_NORMAL);
        if (current)
            canvas_text(&row, 0, 0, 1, STYLE_ACCENT, row.theme->glyphs->cursor);
        draw_row(self, &table, &row, &self->rows.rows[at]);
    }
}

/* What it is and why; where there is no room for both, why: the row above says
 * what. */
static void add_what(struct page *page, int width, size_t rows, const char *title,
                     const char *reason)
{
    if (rows <= BRIEF_ROWS && reason != NULL) {
        page_wrap(page, STYLE_NORMAL, width, reason);
        return;
    }
    char *what = mem_printf("%s: %s", title, reason != NULL ? reason : "");
    page_wrap(page, STYLE_NORMAL, width, what);
    free(what);
}

static void add_current_item(struct page *page, int width, size_t rows,
                             const struct plan_item *item)
{
    add_what(page, width, rows, item->title, item->reason);
    if (item->gone_for_good)
        page_add(page, STYLE_WARN, "It is in no export: gone for good");
    if (item->loses != NULL)
        page_wrap(page, STYLE_WARN, width, item->loses);
    page_wrap(page, STYLE_DIM, width, item->id);
}

static void add_current_row(const struct plan_screen *self, struct page *page, int width,
                            size_t rows, const struct plan_row *row)
{
    if (row->kind == PLAN_ROW_ITEM) {
        add_current_item(page, width, rows, &self->plan->items[row->index]);
    } else if (row->kind == PLAN_ROW_GONE) {
        add_current_item(page, width, rows, &self->before->items[row->index]);
    } else if (row->kind == PLAN_ROW_KEPT) {
        const struct plan_kept *kept = &self->plan->kept[row->index];
        add_what(page, width, rows, kept->title, kept->reason);
        page_wrap(page, STYLE_DIM, width, kept->id);
    }
}

/* What the row under the cursor has no room for; always as many lines, so
 * that the list above stays in place. */
static void add_current(const struct plan_screen *self, struct page *page, int width, size_t rows)
{
    if (self->scroll.cursor < self->rows.len)
        add_current_row(self, page, width, rows, &self->rows.rows[self->scroll.cursor]);
    while (page_len(page) < rows)
        page_add(page, STYLE_NORMAL, "%s", "");
    page_cut(page, rows);
}

static size_t gone_for_good(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->items_len; i++)
        count += plan->items[i].gone_for_good;
    return count;
}

/* Its beginning: with the ids of many records it can be very long. */
static void add_docker_command(struct page *page, int width, const char *command)
{
    size_t most = COMMAND_ROWS * (size_t)(width > 0 ? width : 0);
    char *start = mem_strndup(command, strnlen(command, most));
    struct page lines = {0};
    page_wrap(&lines, STYLE_DIM, width - 12, start);
    bool cut = strlen(command) > most || page_len(&lines) > COMMAND_ROWS;
    for (size_t i = 0; i < page_len(&lines) && i < COMMAND_ROWS; i++)
        page_add(page, STYLE_DIM, "%s%s%s", i == 0 ? "docker: " : "        ", lines.lines[i].text,
                 cut && i + 1 == COMMAND_ROWS ? " ..." : "");
    page_done(&lines);
    free(start);
}

/* What is to be known before the answer, where there is no room for more: the
 * totals stand in the title. */
static void add_short_totals(const struct plan_screen *self, struct page *page)
{
    const struct plan *plan = self->plan;
    char text[TEXT_SIZE_SIZE];
    size_t forever = gone_for_good(plan);
    if (plan->wanted_bytes > plan->planned_bytes)
        page_add(page, STYLE_WARN, "%s asked for: no more can go",
                 text_size(text, plan->wanted_bytes));
    if (forever > 0)
        page_add(page, STYLE_WARN, "%zu in no export: gone for good", forever);
    if (plan_forgets_steps(plan))
        page_add(page, STYLE_WARN, "The engine forgets all its steps");
    if (plan->now)
        page_add(page, STYLE_BAD, "Busy ones too: a build may break");
}

static void add_totals(const struct plan_screen *self, struct page *page, int width)
{
    const struct plan *plan = self->plan;
    char text[TEXT_SIZE_SIZE];
    size_t forever = gone_for_good(plan);
    page_add(page, STYLE_BOLD, "%zu item%s, %s comes back", plan->items_len,
             format_plural(plan->items_len), text_size(text, plan->planned_bytes));
    if (plan->wanted_bytes > plan->planned_bytes)
        page_add(page, STYLE_WARN,
                 "%s were asked for: this is all that can go; what is kept%s holds the rest",
                 text_size(text, plan->wanted_bytes),
                 self->left_out_len > 0 ? ", or left out," : "");
    if (forever > 0)
        page_add(page, STYLE_WARN, "%zu of them in no export: gone for good", forever);
    if (plan_forgets_steps(plan))
        page_wrap(page, STYLE_WARN, width, BUILDER_FORGETS_STEPS);
    if (plan->now)
        page_add(page, STYLE_BAD, "Busy caches too: a build that runs may fail or lose its cache");
    if (self->command != NULL)
        add_docker_command(page, width, self->command);
}

/* The signs are those before the rows. */
static void add_changes(const struct plan_changes *changes, struct page *page, bool low)
{
    const struct {
        size_t count;
        const char *what;
    } parts[] = {{changes->new_len, "new (+)"},
                 {changes->gone_len, "gone"},
                 {changes->bytes_len, "of another size (~)"}};
    struct buf text = {0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].count > 0)
            buf_printf(&text, "%s%zu %s", text.len > 0 ? ", " : "", parts[i].count, parts[i].what);
    page_add(page, STYLE_ACCENT, "%s: %s",
             low ? "Made again" : "It was over a minute old and was made again",
             text.len > 0 ? text.data : "nothing has changed");
    buf_done(&text);
}

static void add_question(const struct plan_screen *self, struct page *page, bool low)
{
    const struct plan *plan = self->plan;
    const struct app *app = self->screen.app;
    if (self->before != NULL)
        add_changes(&self->changes, page, low);
    if (self->agreed)
        page_add(page, STYLE_ACCENT, "It is over a minute old: making it again ...");
    else if (self->waiting)
        page_add(page, STYLE_ACCENT, "Waiting until nothing is busy; Esc: no longer");
    else if (plan->items_len == 0)
        page_add(page, STYLE_BOLD, "Nothing to delete");
    else if (app_read_only(app))
        page_add(page, STYLE_WARN, "Read-only: this is what would go; nothing is deleted");
    else if (low)
        page_add(page, STYLE_BOLD, "Delete? y: yes; any other key: no");
    else
        page_add(page, STYLE_BOLD,
                 "Delete? y: yes, these items and nothing else. Any other key: no");
}

static void draw_plan(struct plan_screen *self, const struct canvas *inside)
{
    struct page below = {0}, current = {0};
    int width = inside->cols - 2;
    below.width = width;
    int detail = inside->rows >= 30 ? 5 : inside->rows >= 18 ? 4 : inside->rows >= 12 ? 1 : 0;
    bool low = inside->rows < LOW_ROWS;
    if (low)
        add_short_totals(self, &below);
    else
        add_totals(self, &below, width);
    add_question(self, &below, low);
    int rows = (int)page_len(&below);
    if (low) { /* what the list's titles and three rows leave, and the line below them */
        int left = inside->rows - rows - LIST_LEAST - 1;
        detail = left > BRIEF_ROWS ? BRIEF_ROWS : left > 0 ? left : 0;
    }
    int most = inside->rows - detail - 3;
    /* The question matters most, then what stands right above it. */
    if (rows > most) {
        below.scroll.top = (size_t)(rows - most);
        rows = most;
    }
    int foot_y = inside->rows - rows, detail_y = foot_y - detail;
    struct canvas list = canvas_part(inside, 0, 0, detail_y - 1, inside->cols);
    draw_rows(self, &list);
    canvas_fill(inside, detail_y - 1, 0, inside->cols, STYLE_BORDER,
                inside->theme->glyphs->horizontal);
    add_current(self, &current, width, (size_t)detail);
    struct canvas detail_part = canvas_part(inside, detail_y, 1, detail, width);
    page_draw(&current, &detail_part);
    struct canvas foot = canvas_part(inside, foot_y, 1, rows, width);
    page_draw(&below, &foot);
    self->drawn = true;
    page_done(&current);
    page_done(&below);
}

static void add_title(const struct plan_screen *self, struct buf *title)
{
    const struct plan *plan = self->plan;
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    const char *line = glyphs->horizontal, *sort = plan_sorts[self->rows.sort].name;
    char text[TEXT_SIZE_SIZE];
    buf_append_str(title, "Plan");
    if (plan == NULL)
        return;
    buf_printf(title, " %s %zu item%s %s %s", line, plan->items_len, format_plural(plan->items_len),
               line, text_size(text, plan->planned_bytes));
    if (sort != NULL)
        buf_printf(title, " %s sort %s %s", line, sort,
                   self->rows.descending ? glyphs->down : glyphs->up);
}

static void plan_draw(struct screen *screen, const struct canvas *canvas)
{
    struct plan_screen *self = (struct plan_screen *)screen;
    struct buf title = {0};
    add_title(self, &title);
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, title.data);
    buf_done(&title);
    if (self->plan != NULL)
        draw_plan(self, &inside);
    else if (self->error != NULL)
        canvas_raw(&inside, 0, 1, inside.cols - 2, STYLE_BAD, self->error, strlen(self->error));
    else
        canvas_text(&inside, 0, 1, inside.cols - 2, STYLE_DIM,
                    "Looking at what can go, and whether anything is building ...");
    app_draw_bottom(screen->app, canvas, plan_where(screen));
}
