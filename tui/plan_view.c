#include "tui/plan_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/format.h"
#include "tui/page.h"
#include "tui/table.h"

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
            longest = pane_longer(longest, plan->items[i].service);
    for (size_t i = 0; i < plan->kept_len; i++)
        if (plan->kept[i].service != NULL)
            longest = pane_longer(longest, plan->kept[i].service);
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
    buf_printf(title, " %s %zu item%s %s %s", line, plan->items_len,
               format_plural(plan->items_len), line, text_size(text, plan->planned_bytes));
    if (sort != NULL)
        buf_printf(title, " %s sort %s %s", line, sort,
                   self->rows.descending ? glyphs->down : glyphs->up);
}

void plan_draw(struct screen *screen, const struct canvas *canvas)
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
