/* The build pane: the steps of the build that runs, or of the last one. Where
 * several services are built at once, each has a heading and its own steps
 * below it. The cursor stays on what runs until the user moves it. */
#include "tui/pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "tui/format.h"
#include "tui/sgr.h"
#include "tui/table.h"

enum { LINE_SEEN_MAX = 4096 };

enum column { STEP, INSTRUCTION, TIME, OUTPUT };

static const struct table_column columns[] = {
    [STEP] = {"", 12, 18, false, 0},
    [INSTRUCTION] = {"", 10, 70, false, 0},
    [TIME] = {"", 8, 0, true, 0},
    [OUTPUT] = {"", 10, 1000, false, 60},
};

void pane_build_init(struct pane_build *pane, struct app *app)
{
    *pane = (struct pane_build){.app = app};
}

void pane_build_done(struct pane_build *pane)
{
    free(pane->rows);
}

/* ---- rows */

static const char *service_of(const struct step *step)
{
    return step->service != NULL ? step->service : "";
}

static bool has_headings(const struct build *build)
{
    const char *first = NULL;
    for (size_t i = 0; i < build->steps_len; i++) {
        const char *service = build->steps[i].service;
        if (service == NULL)
            continue;
        if (first == NULL)
            first = service;
        else if (strcmp(first, service) != 0)
            return true;
    }
    return false;
}

static int compare_steps(const void *left, const void *right)
{
    const struct step *a = *(const struct step *const *)left;
    const struct step *b = *(const struct step *const *)right;
    int order = strcmp(service_of(a), service_of(b));
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static struct pane_step *add_row(struct pane_build *pane)
{
    size_t at = pane->scroll.len++;
    mem_reserve((void **)&pane->rows, &pane->rows_cap, pane->scroll.len, sizeof *pane->rows);
    pane->rows[at] = (struct pane_step){0};
    return &pane->rows[at];
}

static void add_rows(struct pane_build *pane, const struct build *build)
{
    const struct step **order = mem_alloc((build->steps_len + 1) * sizeof(const struct step *));
    bool headings = has_headings(build);
    size_t heading = SIZE_MAX;
    for (size_t i = 0; i < build->steps_len; i++)
        order[i] = &build->steps[i];
    if (headings)
        qsort(order, build->steps_len, sizeof(const struct step *), compare_steps);
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = order[i];
        bool first = i == 0 || strcmp(service_of(step), service_of(order[i - 1])) != 0;
        if (headings && first && step->service != NULL) {
            heading = pane->scroll.len;
            add_row(pane)->service = step->service;
        }
        if (heading != SIZE_MAX && !step->internal)
            pane->rows[heading].over += step_is_over(step);
        add_row(pane)->number = step->number;
    }
    free(order);
}

/* Where the eye should be: on what failed, else on what runs, else at the end. */
static size_t row_to_follow(const struct pane_build *pane, const struct build *build)
{
    size_t row = pane->scroll.len > 0 ? pane->scroll.len - 1 : 0;
    for (size_t i = 0; i < pane->scroll.len; i++) {
        const struct step *step = build_find_step(build, pane->rows[i].number);
        if (step == NULL)
            continue;
        if (step->state == STEP_FAILED)
            return i;
        if (step->state == STEP_RUNNING)
            row = i;
    }
    return row;
}

static size_t row_of(const struct pane_build *pane, int number)
{
    for (size_t i = 0; number > 0 && i < pane->scroll.len; i++)
        if (pane->rows[i].number == number)
            return i;
    return pane->scroll.cursor;
}

void pane_build_sync(struct pane_build *pane)
{
    const struct build *build = app_build_shown(pane->app);
    uint64_t id = build != NULL ? build->id : 0;
    if (build != NULL && id == pane->build_id && build->revision == pane->revision)
        return;
    int current = pane_build_current(pane);
    if (id != pane->build_id)
        pane->moved = false;
    pane->build_id = id;
    pane->revision = build != NULL ? build->revision : 0;
    pane->scroll.len = 0;
    if (build == NULL)
        return;
    add_rows(pane, build);
    scroll_to(&pane->scroll, pane->moved ? row_of(pane, current) : row_to_follow(pane, build));
}

int pane_build_current(const struct pane_build *pane)
{
    return pane->scroll.len > 0 ? pane->rows[pane->scroll.cursor].number : 0;
}

void pane_build_to(struct pane_build *pane, size_t row)
{
    pane->moved = true;
    scroll_to(&pane->scroll, row);
}

/* The same for all steps of a build, so that the panes above stay in place
 * while steps come in. */
int pane_build_wanted(const struct pane_build *pane)
{
    return app_build_shown(pane->app) != NULL ? 12 : 1;
}

/* ---- drawing */

void pane_build_title(const struct pane_build *pane, struct buf *title)
{
    const struct glyphs *glyphs = app_theme(pane->app)->glyphs;
    const struct build *build = app_build_shown(pane->app);
    char text[FORMAT_SIZE];
    buf_append_str(title, "Build");
    if (build == NULL)
        return;
    struct build_counts counts = build_count(build);
    buf_printf(title, " %s ", glyphs->horizontal);
    format_services(title, build);
    buf_printf(title, " %s ", glyphs->horizontal);
    if (counts.total > 0)
        buf_printf(title, "%zu/%zu steps %s ", counts.over, counts.total, glyphs->dot);
    if (counts.cached > 0)
        buf_printf(title, "%zu cached %s ", counts.cached, glyphs->dot);
    buf_printf(title, "%s",
               format_clock(text, format_build_ms(build, app_mono_ms(pane->app))));
    if (build->state != BUILD_RUNNING)
        buf_printf(title, " %s %s", glyphs->horizontal, build_state_name(build->state));
    if (build->state == BUILD_FAILED)
        buf_printf(title, " (exit %d)", build->exit_status);
}

static void draw_transfer(const struct table *table, const struct canvas *row,
                          const struct step *step)
{
    char text[128], now[TEXT_SIZE_SIZE], goal[TEXT_SIZE_SIZE];
    if (step->goal > 0)
        snprintf(text, sizeof text, "%s of %s  %.64s", text_size(now, step->current),
                 text_size(goal, step->goal), step->transfer);
    else if (step->current > 0)
        snprintf(text, sizeof text, "%s  %.64s", text_size(now, step->current), step->transfer);
    else
        snprintf(text, sizeof text, "%.64s", step->transfer);
    table_cell_raw(table, row, OUTPUT, STYLE_DIM, text, strlen(text));
}

static void draw_last_line(const struct table *table, const struct canvas *row, enum style style,
                           const struct buildlog_line *line)
{
    struct sgr_line clean = {0};
    /* The last state of a line that overwrites itself stands at its end. */
    size_t len = line->len < LINE_SEEN_MAX ? line->len : LINE_SEEN_MAX;
    sgr_parse(&clean, line->text + line->len - len, len);
    table_cell(table, row, OUTPUT, style, clean.text.data);
    sgr_done(&clean);
}

/* The error of a step stands above already when it is the build's; what the
 * step said last tells more. */
static void draw_output(const struct build *build, const struct table *table,
                        const struct canvas *row, const struct step *step)
{
    enum style style = step->error != NULL ? STYLE_BAD : STYLE_DIM;
    struct buildlog_line line;
    if (step->transfer != NULL && step->state == STEP_RUNNING)
        draw_transfer(table, row, step);
    else if (step_last_line(build, step, &line))
        draw_last_line(table, row, style, &line);
    else if (step->error != NULL)
        table_cell_raw(table, row, OUTPUT, style, step->error, strlen(step->error));
}

static void draw_step(const struct pane_build *pane, const struct build *build,
                      const struct table *table, const struct canvas *row,
                      const struct step *step)
{
    char label[96], text[FORMAT_SIZE];
    struct format_state state = format_step_state(row->theme, step->state);
    enum style style = step->internal ? STYLE_DIM : STYLE_NORMAL;
    canvas_text(row, 0, 1, 1, state.style, state.glyph);
    if (step->index > 0)
        snprintf(label, sizeof label, "%s%s%d/%d", step->stage != NULL ? step->stage : "",
                 step->stage != NULL ? " " : "", step->index, step->total);
    else
        snprintf(label, sizeof label, "%s", step->internal ? "internal" : "");
    const char *what = step->instruction[0] != '\0' ? step->instruction : step->name;
    table_cell_raw(table, row, STEP, style, label, strlen(label));
    table_cell_raw(table, row, INSTRUCTION, style, what, strlen(what));
    if (step->state == STEP_CACHED)
        table_cell(table, row, TIME, STYLE_GOOD, "cached");
    else if (step->state != STEP_WAITING)
        table_cell(table, row, TIME, style,
                   text_duration(text, format_step_ms(step, app_mono_ms(pane->app))));
    draw_output(build, table, row, step);
}

static void draw_row(const struct pane_build *pane, const struct build *build,
                     const struct table *table, const struct canvas *canvas, int y, size_t at,
                     bool focused)
{
    const struct pane_step *line = &pane->rows[at];
    bool current = focused && at == pane->scroll.cursor;
    struct canvas row = canvas_row(canvas, y, current ? STYLE_CURSOR : STYLE_NORMAL);
    const struct step *step = build_find_step(build, line->number);
    if (current)
        canvas_text(&row, 0, 0, 1, STYLE_ACCENT, canvas->theme->glyphs->cursor);
    if (step != NULL) {
        draw_step(pane, build, table, &row, step);
    } else if (line->service != NULL) {
        int x = 1 + canvas_raw(&row, 0, 1, row.cols - 1, STYLE_BOLD, line->service,
                               strlen(line->service));
        canvas_printf(&row, 0, x, row.cols - x, STYLE_DIM, "  %zu steps over", line->over);
    }
}

static const char *hint(const struct app *app)
{
    const struct store *store = app_store(app);
    if (store->project == NULL && store->project_load != LOAD_PENDING)
        return "No compose project here, so there is nothing to build";
    if (app_read_only(app))
        return "Read-only: building is refused";
    return "b builds the marked services, or the one under the cursor";
}

/* Why it failed, and what to do about it; before the first step, what is run.
 * Returns the rows taken. */
static int draw_heading(const struct canvas *canvas, const struct build *build, bool no_steps)
{
    int y = 0;
    if (build->error != NULL)
        canvas_raw(canvas, y++, 2, canvas->cols - 2, STYLE_BAD, build->error, strlen(build->error));
    if (build->diagnosis != NULL && canvas->rows > 3)
        canvas_printf(canvas, y++, 2, canvas->cols - 2, STYLE_WARN, "%s Fix: %s",
                      build->diagnosis->cause, build->diagnosis->fix);
    if (build->diagnosis != NULL && build->diagnosis->traditional_helps && !build->traditional &&
        canvas->rows > 4)
        canvas_text(canvas, y++, 2, canvas->cols - 2, STYLE_WARN,
                    "t builds it the traditional way, which would not fail of this");
    if (y == 0 && no_steps)
        canvas_raw(canvas, y++, 2, canvas->cols - 2, STYLE_DIM, build->command,
                   strlen(build->command));
    if (no_steps && build->way != NULL)
        canvas_raw(canvas, y++, 2, canvas->cols - 2, STYLE_DIM, build->way, strlen(build->way));
    return y;
}

void pane_build_draw(struct pane_build *pane, const struct canvas *canvas, bool focused)
{
    const struct build *build = app_build_shown(pane->app);
    struct canvas rows = *canvas;
    struct table table;
    pane->first_row = 0;
    if (build == NULL) {
        canvas_text(canvas, 0, 2, canvas->cols - 2, STYLE_DIM, hint(pane->app));
        return;
    }
    pane->first_row = draw_heading(canvas, build, pane->scroll.len == 0);
    rows = canvas_part(canvas, pane->first_row, 0, canvas->rows - pane->first_row, canvas->cols);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_layout(&table, 3, canvas->cols);
    scroll_show(&pane->scroll, (size_t)rows.rows);
    for (int y = 0; y < rows.rows; y++) {
        size_t at = pane->scroll.top + (size_t)y;
        if (at >= pane->scroll.len)
            break;
        draw_row(pane, build, &table, &rows, y, at, focused);
    }
}

bool pane_build_command(struct pane_build *pane, enum command command)
{
    if (!scroll_command(&pane->scroll, command))
        return false;
    /* At the end it follows again, as logs do. */
    pane->moved = command != COMMAND_BOTTOM;
    return true;
}
