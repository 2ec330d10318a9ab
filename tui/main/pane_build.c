/* The build pane: a tree of what is built just now, or was built last. The
 * cursor stays on what runs until the user moves it, and goes to what fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "tui/kit/format.h"
#include "tui/kit/sgr.h"
#include "tui/kit/table.h"
#include "tui/log_view.h"
#include "tui/main/pane.h"
#include "tui/screens.h"

struct pane_build {
    struct pane base;
    struct scroll scroll;
    struct build_tree tree;
    uint64_t made;   /* a mark of the builds that the rows were made of */
    uint64_t newest; /* of these builds */
    bool moved;      /* by the user: no longer follows what runs */
};

/* One row of the tree. */
#define INDENT 8 /* of texts below a step */
struct look {
    const struct app *app;
    const struct build_tree *tree;
    bool focused; /* and the cursor is on this row */
};
static void draw_row(const struct look *look, const struct canvas *canvas, int y,
                     const struct build *build, const struct tree_row *row);

/* ---- rows */

static bool is_running(const struct app *app, const struct tree_row *row, bool internal_too)
{
    const struct build *build = store_build(app_store(app), row->build);
    const struct step *step = build != NULL ? build_find_step(build, row->step) : NULL;
    return row->kind == TREE_STEP && step != NULL && step->state == STEP_RUNNING &&
           (internal_too || !step->internal);
}

/* Where the eye should be: on what failed, else on what runs, else at the end. */
static size_t row_to_follow(const struct pane_build *pane)
{
    const struct build_tree *tree = &pane->tree;
    size_t row = tree->len > 0 ? tree->len - 1 : 0, group = SIZE_MAX;
    if (tree->groups_len > 0 && tree->groups[0].failed)
        for (size_t i = 0; i < tree->len; i++)
            if (tree->rows[i].kind == TREE_STEP)
                return i;
    for (int round = 0; round < 2; round++)
        for (size_t i = tree->len; i-- > 0;) {
            if (is_running(pane->base.app, &tree->rows[i], round > 0))
                return i;
            size_t of = tree->rows[i].group;
            if (tree->rows[i].kind == TREE_GROUP && tree->groups[of].running > 0)
                group = i;
        }
    return group != SIZE_MAX ? group : tree->groups_len > 1 ? 0 : row;
}

static uint64_t make_mark(const struct app *app, const struct build *const *builds, size_t len)
{
    uint64_t mark = len + app_log_news(app);
    for (size_t i = 0; i < len; i++) {
        const struct build *build = builds[i];
        mark = mark * UINT64_C(1099511628211) + build->id;
        mark = mark * UINT64_C(1099511628211) + build->revision;
        mark = mark * UINT64_C(1099511628211) + (uint64_t)build->state;
        mark = mark * UINT64_C(1099511628211) + build->place;
    }
    return mark;
}

/* The row under the cursor keeps its place on the screen, whatever comes above. */
static void keep_place(struct pane_build *pane, const struct tree_row *row, size_t y)
{
    scroll_to(&pane->scroll, build_tree_find(&pane->tree, row));
    pane->scroll.top = pane->scroll.cursor > y ? pane->scroll.cursor - y : 0;
}

/* On the last line of a step it stays on the last one, as logs do. */
static bool is_last_line(const struct build_tree *tree, size_t at)
{
    const struct tree_row *row = &tree->rows[at];
    return row->kind == TREE_LINE && (at + 1 == tree->len || row[1].kind != TREE_LINE ||
                                      row[1].step != row->step || row[1].build != row->build);
}

static void go_to_last_line(struct pane_build *pane)
{
    size_t at = pane->scroll.cursor;
    while (at + 1 < pane->tree.len && pane->tree.rows[at].kind == TREE_LINE &&
           !is_last_line(&pane->tree, at))
        at++;
    scroll_to(&pane->scroll, at);
}

static const struct tree_row *row_of(const struct pane_build *pane)
{
    return pane->scroll.cursor < pane->tree.len ? &pane->tree.rows[pane->scroll.cursor] : NULL;
}

static void sync_tree(struct pane_build *pane)
{
    const struct build **builds;
    size_t len = app_builds_shown(pane->base.app, &builds);
    uint64_t mark = make_mark(pane->base.app, builds, len),
             newest = len > 0 ? builds[len - 1]->id : 0;
    if (mark == pane->made && !pane->base.stale) {
        free(builds);
        return;
    }
    const struct tree_row *current = row_of(pane);
    const struct tree_row row = current != NULL ? *current : (struct tree_row){0};
    size_t y = pane->scroll.cursor - pane->scroll.top;
    bool last = current != NULL && is_last_line(&pane->tree, pane->scroll.cursor);
    if (newest != pane->newest)
        pane->moved = false;
    for (size_t i = 0; i < len; i++)
        app_watch_log(pane->base.app, builds[i]);
    build_tree_fill(&pane->tree, builds, len);
    free(builds);
    pane->made = mark;
    pane->newest = newest;
    pane->base.stale = false;
    scroll_set_len(&pane->scroll, pane->tree.len);
    if (pane->moved)
        keep_place(pane, &row, y);
    else
        scroll_to(&pane->scroll, row_to_follow(pane));
    if (pane->moved && last)
        go_to_last_line(pane);
    if (!pane->moved && pane->tree.groups_len > 0 && pane->tree.groups[0].failed)
        pane->scroll.top = 0;
}

static const struct build *current_of(const struct pane_build *pane)
{
    const struct tree_row *row = row_of(pane);
    const struct build *build =
        row != NULL ? store_build(app_store(pane->base.app), row->build) : NULL;
    return build != NULL ? build : app_build_shown(pane->base.app);
}

static void go_to(struct pane_build *pane, size_t row)
{
    pane->moved = true;
    scroll_to(&pane->scroll, row);
}

/* The same for all steps of a build, so that the panes above stay in place
 * while steps come in. */
static int build_wanted(const struct pane *pane)
{
    return app_build_shown(pane->app) != NULL ? 12 : 1;
}

/* ---- drawing */

static const char *hint(const struct app *app)
{
    const struct store *store = app_store(app);
    if (store->project == NULL && store->project_load != LOAD_PENDING)
        return "No compose project here, so there is nothing to build";
    if (app_read_only(app))
        return "Read-only: building is refused";
    return "b builds the marked services, or the one under the cursor; A all";
}

static void build_draw(struct pane *base, const struct canvas *canvas, bool focused)
{
    struct pane_build *pane = (struct pane_build *)base;
    const struct store *store = app_store(pane->base.app);
    if (pane->tree.cols != canvas->cols - INDENT) {
        pane->tree.cols = canvas->cols - INDENT;
        pane->base.stale = true;
    }
    sync_tree(pane);
    if (app_build_shown(pane->base.app) == NULL) {
        canvas_text(canvas, 0, 2, canvas->cols - 2, STYLE_DIM, hint(pane->base.app));
        return;
    }
    scroll_show(&pane->scroll, (size_t)canvas->rows);
    for (int y = 0; y < canvas->rows; y++) {
        size_t at = pane->scroll.top + (size_t)y;
        if (at >= pane->tree.len)
            break;
        const struct tree_row *row = &pane->tree.rows[at];
        const struct build *build = store_build(store, row->build);
        const struct look look = {
            .app = pane->base.app,
            .tree = &pane->tree,
            .focused = focused && at == pane->scroll.cursor,
        };
        if (build != NULL)
            draw_row(&look, canvas, y, build, row);
    }
}

/* ---- commands */

static bool go_to_failed(struct pane_build *pane, int direction)
{
    const struct build **builds;
    size_t len = app_builds_shown(pane->base.app, &builds), row;
    bool found =
        build_tree_next_failed(&pane->tree, builds, len, pane->scroll.cursor, direction, &row);
    free(builds);
    if (found)
        go_to(pane, row);
    else
        app_say(pane->base.app, STYLE_DIM, "No failed step %s", direction > 0 ? "below" : "above");
    return true;
}

/* As in other trees: what is closed already leads to what it belongs to. */
static void close_row(struct pane_build *pane)
{
    const struct tree_row *row = row_of(pane);
    if (row == NULL)
        return;
    if (!row->is_open)
        scroll_to(&pane->scroll, build_tree_parent(&pane->tree, pane->scroll.cursor));
    else
        build_tree_set_open(&pane->tree, pane->scroll.cursor, false);
}

/* On a line below a step, Enter is for the log there: see build_open(). */
static bool open_row(struct pane_build *pane, enum command command)
{
    const struct tree_row *row = row_of(pane);
    if (row == NULL || !row->can_open)
        return command != COMMAND_OPEN || row == NULL;
    if (command == COMMAND_OPEN)
        build_tree_toggle(&pane->tree, pane->scroll.cursor);
    else
        build_tree_set_open(&pane->tree, pane->scroll.cursor, true);
    return true;
}

static bool fold_command(struct pane_build *pane, enum command command)
{
    bool open = false;
    switch (command) {
    case COMMAND_OPEN:
    case COMMAND_RIGHT:
        if (!open_row(pane, command))
            return false;
        break;
    case COMMAND_LEFT:
        close_row(pane);
        break;
    case COMMAND_FOLD_ALL:
        for (size_t i = 0; i < pane->tree.len; i++)
            open = open || (pane->tree.rows[i].kind == TREE_GROUP && pane->tree.rows[i].is_open);
        build_tree_set_all_open(&pane->tree, !open);
        break;
    default:
        return false;
    }
    pane->base.stale = pane->moved = true;
    return true;
}

static bool is_about_a_row(enum command command)
{
    return command == COMMAND_NEXT_ERROR || command == COMMAND_PREVIOUS_ERROR ||
           command == COMMAND_OPEN || command == COMMAND_LEFT || command == COMMAND_RIGHT ||
           command == COMMAND_FOLD_ALL;
}

static bool build_command(struct pane *base, enum command command)
{
    struct pane_build *pane = (struct pane_build *)base;
    if (pane->tree.len == 0 && is_about_a_row(command)) {
        app_say(pane->base.app, STYLE_DIM, "Nothing has been built yet");
        return true;
    }
    if (command == COMMAND_NEXT_ERROR || command == COMMAND_PREVIOUS_ERROR)
        return go_to_failed(pane, command == COMMAND_NEXT_ERROR ? 1 : -1);
    if (fold_command(pane, command))
        return true;
    if (!scroll_command(&pane->scroll, command))
        return false;
    /* At the end it follows again, as logs do. */
    pane->moved = command != COMMAND_BOTTOM;
    return true;
}

/* The title of the build pane. */

/* What became of it stands first: the end of a title may be cut. */
static void add_state(const struct app *app, struct buf *title, const struct build *build)
{
    const char *dot = app_theme(app)->glyphs->dot;
    if (build->state == BUILD_FAILED)
        buf_printf(title, "failed (exit %d) %s ", build->exit_status, dot);
    else if (build->state != BUILD_RUNNING)
        buf_printf(title, "%s %s ", build_state_name(build->state), dot);
}

static void add_one(const struct app *app, struct buf *title, const struct build *build)
{
    const struct glyphs *glyphs = app_theme(app)->glyphs;
    struct build_counts counts = build_count(build);
    char text[FORMAT_SIZE];
    format_services(title, build);
    buf_printf(title, " %s ", glyphs->horizontal);
    if (build->state == BUILD_QUEUED) {
        buf_printf(title, "queued, number %zu", build->place);
        return;
    }
    add_state(app, title, build);
    if (counts.total > 0)
        buf_printf(title, "%zu/%zu steps %s ", counts.over, counts.total, glyphs->dot);
    if (counts.cached > 0)
        buf_printf(title, "%zu cached %s ", counts.cached, glyphs->dot);
    if (build->warnings_len > 0)
        buf_printf(title, "%zu warning%s %s ", build->warnings_len,
                   build->warnings_len > 1 ? "s" : "", glyphs->dot);
    buf_printf(title, "%s", format_clock(text, format_build_ms(build, app_mono_ms(app))));
}

static void add_several(const struct app *app, struct buf *title, const struct build *const *builds,
                        size_t len)
{
    static const enum build_state states[] = {BUILD_FAILED, BUILD_RUNNING,   BUILD_STOPPING,
                                              BUILD_QUEUED, BUILD_CANCELLED, BUILD_DONE};
    buf_printf(title, "%zu builds %s", len, app_theme(app)->glyphs->horizontal);
    for (size_t i = 0, said = 0; i < sizeof states / sizeof states[0]; i++) {
        size_t count = 0;
        for (size_t k = 0; k < len; k++)
            count += builds[k]->state == states[i];
        if (count > 0)
            buf_printf(title, "%s %zu %s", said++ > 0 ? "," : "", count,
                       build_state_name(states[i]));
    }
}

static void build_title(const struct pane *pane, struct buf *title, struct buf *tail)
{
    (void)tail;
    const struct build **builds;
    size_t len = app_builds_shown(pane->app, &builds);
    buf_append_str(title, "Build");
    if (len > 0)
        buf_printf(title, " %s ", app_theme(pane->app)->glyphs->horizontal);
    if (len == 1)
        add_one(pane->app, title, builds[0]);
    else if (len > 1)
        add_several(pane->app, title, builds, len);
    free(builds);
}

/* How the rows of steps look. */

enum { LINE_SEEN_MAX = 4096, BAR_COLS = 12 };

enum column { STEP, INSTRUCTION, TIME, OUTPUT };

static const struct table_column columns[] = {
    [STEP] = {"", 12, 18, false, 0},
    [INSTRUCTION] = {"", 10, 70, false, 0},
    [TIME] = {"", 8, 0, true, 0},
    [OUTPUT] = {"", 10, 1000, false, 60},
};

/* Cursor, sign of the state, sign of the fold; below a heading further in. */
static int build_row_indent(const struct look *look, const struct tree_row *row)
{
    return look->tree->groups[row->group].headed ? 3 : 1;
}

/* Whether it is open or closed, if it can be. */
static void build_row_fold(const struct canvas *canvas, int x, const struct tree_row *row)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    if (row->can_open)
        canvas_text(canvas, 0, x, 1, STYLE_DIM, row->is_open ? glyphs->open : glyphs->arrow);
}

/* ---- transfers */

static int draw_gauge(const struct canvas *canvas, int x, int64_t part, int64_t whole)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    int full = part >= whole ? BAR_COLS : (int)((double)part / (double)whole * BAR_COLS);
    canvas_fill(canvas, 0, x, full, STYLE_ACCENT, glyphs->gauge_full);
    canvas_fill(canvas, 0, x + full, BAR_COLS - full, STYLE_DIM, glyphs->gauge_empty);
    return x + BAR_COLS + 1;
}

static void draw_bytes(const struct canvas *canvas, int64_t current, int64_t goal, size_t over,
                       size_t len, const char *name)
{
    char now[TEXT_SIZE_SIZE], all[TEXT_SIZE_SIZE];
    int x = 0;
    if (goal > 0) {
        if (canvas->cols > BAR_COLS + 10)
            x = draw_gauge(canvas, x, current, goal);
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_NORMAL, "%s of %s  ",
                           text_size(now, current), text_size(all, goal));
    } else if (current > 0) {
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_NORMAL, "%s  ",
                           text_size(now, current));
    }
    if (len > 1)
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_DIM, "%zu/%zu  ", over, len);
    canvas_raw(canvas, 0, x, canvas->cols - x, STYLE_DIM, name, strlen(name));
}

/* What a step moves, all together: a bar that jumped from layer to layer would
 * tell nobody how far it is. */
static void build_row_transfers(const struct canvas *canvas, const struct step *step)
{
    struct step_transfer_sum sum = step_transfer_sum(step);
    int64_t current = sum.goal > 0 ? sum.current : step->current;
    draw_bytes(canvas, current, sum.goal, sum.over, sum.len, step->transfer);
}

static void build_row_transfer(const struct canvas *canvas, const struct step_transfer *transfer)
{
    draw_bytes(canvas, transfer->current, transfer->goal, 0, 0, transfer->name);
}

/* ---- a step */

static void build_row_last_line(const struct canvas *canvas, enum style style,
                                const struct buildlog_line *line)
{
    struct sgr_line clean = {0};
    /* The last state of a line that overwrites itself stands at its end. */
    size_t len = line->len < LINE_SEEN_MAX ? line->len : LINE_SEEN_MAX;
    sgr_parse(&clean, line->text + line->len - len, len);
    canvas_text(canvas, 0, 0, canvas->cols, style, clean.text.data);
    sgr_done(&clean);
}

static void draw_warnings(const struct canvas *canvas, const struct build *build,
                          const struct step *step)
{
    const char *first = NULL;
    for (size_t i = 0; i < build->warnings_len && first == NULL; i++)
        if (build->warnings[i].step == step->number)
            first = build->warnings[i].text;
    int x = canvas_printf(canvas, 0, 0, canvas->cols, STYLE_WARN, "%zu warning%s%s", step->warnings,
                          step->warnings > 1 ? "s" : "", first ? ": " : "");
    if (first != NULL)
        canvas_raw(canvas, 0, x, canvas->cols - x, STYLE_WARN, first, strlen(first));
}

/* What moves, why it failed, what was said last, else what is odd. Open, it
 * stands below. */
static void draw_output(const struct canvas *canvas, const struct build *build,
                        const struct step *step, const struct tree_row *row)
{
    enum style style = step->error != NULL ? STYLE_BAD : STYLE_DIM;
    struct canvas rest = *canvas;
    struct buildlog_line line;
    if (step->transfer != NULL && step->state == STEP_RUNNING) {
        build_row_transfers(canvas, step);
        return;
    }
    bool known = step_error_line(build, step, &line) || step_last_line(build, step, &line);
    if (step->clipped && !(known && line.kind == LOG_CLIPPED)) {
        int x = canvas_text(canvas, 0, 0, canvas->cols, STYLE_WARN, "clipped by the engine ");
        rest = canvas_part(canvas, 0, x, 1, canvas->cols - x);
    }
    if (row->is_open && step_is_over(step))
        return;
    if (step->warnings > 0)
        draw_warnings(&rest, build, step);
    else if (known)
        build_row_last_line(&rest, line.kind == LOG_CLIPPED ? STYLE_WARN : style, &line);
    else if (step->error != NULL)
        canvas_raw(&rest, 0, 0, rest.cols, style, step->error, strlen(step->error));
}

static void draw_time(const struct look *look, const struct table *table,
                      const struct canvas *canvas, const struct step *step, enum style style)
{
    char text[FORMAT_SIZE];
    if (step->state == STEP_CACHED)
        table_cell(table, canvas, TIME, STYLE_GOOD, "CACHED");
    else if (step->state != STEP_WAITING)
        table_cell(table, canvas, TIME, style,
                   text_duration(text, format_step_ms(step, app_mono_ms(look->app))));
}

static void build_row_step(const struct look *look, const struct canvas *canvas,
                           const struct build *build, const struct tree_row *row)
{
    const struct step *step = build_find_step(build, row->step);
    struct table table;
    struct buf label = {0};
    int x = build_row_indent(look, row);
    if (step == NULL)
        return;
    struct format_state state = format_step_state(canvas->theme, step->state);
    enum style style = step->internal ? STYLE_DIM : STYLE_NORMAL;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_layout(&table, x + 3, canvas->cols);
    canvas_text(canvas, 0, x, 1, state.style, state.glyph);
    build_row_fold(canvas, x + 1, row);
    format_step_place(&label, step);
    table_cell(&table, canvas, STEP, style, label.len > 0 ? label.data : "");
    buf_clear(&label);
    format_instruction(&label, step);
    table_cell(&table, canvas, INSTRUCTION, style, label.len > 0 ? label.data : "");
    buf_done(&label);
    draw_time(look, &table, canvas, step, style);
    const struct table_place *place = &table.places[OUTPUT];
    struct canvas output = canvas_part(canvas, 0, place->x, 1, place->width);
    if (place->width > 0)
        draw_output(&output, build, step, row);
}

/* How the rows of the build pane look: services, and what stands below a step. */

/* ---- a service */

static struct format_state state_of(const struct theme *theme, const struct build *build,
                                    const struct tree_group *group)
{
    const struct glyphs *glyphs = theme->glyphs;
    if (group->failed)
        return format_build_state(theme, BUILD_FAILED);
    if (group->running > 0)
        return (struct format_state){glyphs->running, STYLE_ACCENT};
    /* It was not the one that failed. */
    bool whole = !group->cancelled && group->counts.over >= group->counts.total;
    if (build->state == BUILD_FAILED)
        return format_build_state(theme, whole ? BUILD_DONE : BUILD_CANCELLED);
    return format_build_state(theme, build->state);
}

static int draw_counts(const struct look *look, const struct canvas *canvas, int x,
                       const struct build *build, const struct tree_group *group)
{
    const char *dot = canvas->theme->glyphs->dot;
    const struct build_counts *counts = &group->counts;
    char text[FORMAT_SIZE];
    int64_t now = app_mono_ms(look->app);
    int64_t end = build_is_over(build) ? group->ended_ms : now;
    if (build->state == BUILD_QUEUED)
        return x + canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_DIM, "queued, number %zu",
                                 build->place);
    if (counts->total > 0)
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_DIM, "%zu/%zu steps", counts->over,
                           counts->total);
    if (counts->cached > 0)
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_DIM, " %s %zu cached", dot,
                           counts->cached);
    if (group->started_ms > 0)
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_DIM, " %s %s", dot,
                           format_clock(text, end - group->started_ms));
    if (group->warnings > 0)
        x += canvas_printf(canvas, 0, x, canvas->cols - x, STYLE_WARN, " %s %zu warning%s", dot,
                           group->warnings, group->warnings > 1 ? "s" : "");
    return x;
}

static void draw_running(const struct canvas *canvas, int x, const struct build *build, int number)
{
    const struct step *step = build_find_step(build, number);
    struct buildlog_line line;
    struct buf text = {0};
    if (step == NULL || x + 2 >= canvas->cols)
        return;
    format_instruction(&text, step);
    x += 2 + canvas_text(canvas, 0, x + 2, (canvas->cols - x) / 2, STYLE_NORMAL,
                         text.len > 0 ? text.data : "");
    buf_done(&text);
    struct canvas rest = canvas_part(canvas, 0, x + 2, 1, canvas->cols - x - 2);
    if (step->transfer != NULL)
        build_row_transfers(&rest, step);
    else if (step_last_line(build, step, &line))
        build_row_last_line(&rest, STYLE_DIM, &line);
}

static void draw_group(const struct look *look, const struct canvas *canvas,
                       const struct build *build, const struct tree_row *row)
{
    const struct tree_group *group = &look->tree->groups[row->group];
    struct format_state state = state_of(canvas->theme, build, group);
    struct buf name = {0};
    if (group->service != NULL)
        text_clean(&name, group->service, strlen(group->service));
    else if (build->steps_len == 0)
        format_services(&name, build);
    else
        buf_append_str(&name, "of no service");
    canvas_text(canvas, 0, 1, 1, state.style, state.glyph);
    build_row_fold(canvas, 2, row);
    int x = 4 + canvas_text(canvas, 0, 4, canvas->cols / 2, STYLE_BOLD, name.data);
    buf_done(&name);
    x = draw_counts(look, canvas, x + 2, build, group);
    if (!row->is_open)
        draw_running(canvas, x, build, group->running);
}

/* ---- what stands below */

static void draw_line(const struct look *look, const struct canvas *canvas,
                      const struct build *build, const struct tree_row *row)
{
    struct log_line line = {0};
    struct buildlog_line raw;
    int code = buildlog_get(build->log, row->at, &raw);
    if (code != 0) {
        canvas_text(canvas, 0, 0, canvas->cols, STYLE_DIM, canvas->theme->glyphs->ellipsis);
        return;
    }
    log_line_read(&line, &raw, false);
    /* "#7 " is known from the step above. */
    if (look->focused)
        canvas_text(canvas, 0, 0, canvas->cols, STYLE_NORMAL, line.text.text.data + line.prefix);
    else
        log_draw(canvas, 0, &line, (int)line.prefix, &(struct log_look){0});
    log_line_done(&line);
}

static void draw_excerpt(const struct canvas *canvas, const struct build *build,
                         const struct tree_row *row)
{
    enum style style = memmem(row->text, row->len, "| >>>", 5) != NULL ? STYLE_BAD : STYLE_NORMAL;
    if (row->at == 0)
        canvas_printf(canvas, 0, 0, canvas->cols, STYLE_DIM, "%.*s:%d", (int)row->len, row->text,
                      build->excerpt.line);
    else
        canvas_raw(canvas, 0, 0, canvas->cols, style, row->text, row->len);
}

static void draw_warning(const struct canvas *canvas, const struct build *build,
                         const struct tree_row *row)
{
    const struct build_warning *warning = &build->warnings[row->at];
    int x = 0;
    if (warning->line > 0)
        x += canvas_printf(canvas, 0, x, canvas->cols, STYLE_DIM, "line %d  ", warning->line);
    x += canvas_raw(canvas, 0, x, canvas->cols - x, STYLE_WARN, row->text, row->len);
    if (warning->url != NULL)
        canvas_raw(canvas, 0, x + 2, canvas->cols - x - 2, STYLE_DIM, warning->url,
                   strlen(warning->url));
}

static void draw_inside(const struct look *look, const struct canvas *canvas,
                        const struct build *build, const struct tree_row *row)
{
    static const enum style styles[] = {
        [TREE_REASON] = STYLE_BAD, [TREE_CAUSE] = STYLE_WARN,  [TREE_WAY] = STYLE_DIM,
        [TREE_ERROR] = STYLE_BAD,  [TREE_EARLIER] = STYLE_DIM,
    };
    const struct step *step = build_find_step(build, row->step);
    switch (row->kind) {
    case TREE_LINE:
        draw_line(look, canvas, build, row);
        break;
    case TREE_EXCERPT:
        draw_excerpt(canvas, build, row);
        break;
    case TREE_WARNING:
        draw_warning(canvas, build, row);
        break;
    case TREE_TRANSFER:
        if (step != NULL && row->at < step->transfers_len)
            build_row_transfer(canvas, &step->transfers[row->at]);
        break;
    case TREE_EARLIER:
        canvas_printf(canvas, 0, 0, canvas->cols, STYLE_DIM, "%s more above: i shows the whole log",
                      canvas->theme->glyphs->ellipsis);
        break;
    default:
        canvas_raw(canvas, 0, 0, canvas->cols, styles[row->kind], row->text, row->len);
    }
}

static void draw_row(const struct look *look, const struct canvas *canvas, int y,
                     const struct build *build, const struct tree_row *row)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    struct canvas line = canvas_row(canvas, y, look->focused ? STYLE_CURSOR : STYLE_NORMAL);
    if (look->focused)
        canvas_text(&line, 0, 0, 1, STYLE_ACCENT, glyphs->cursor);
    if (row->kind == TREE_GROUP) {
        draw_group(look, &line, build, row);
    } else if (row->kind == TREE_STEP) {
        build_row_step(look, &line, build, row);
    } else {
        int x = build_row_indent(look, row) + 1;
        if (row->step > 0)
            canvas_text(&line, 0, x, 1, STYLE_BORDER, glyphs->vertical);
        x += row->step > 0 ? 2 : 0;
        struct canvas inside = canvas_part(&line, 0, x, 1, line.cols - x);
        draw_inside(look, &inside, build, row);
    }
}

/* ---- to the screen */

static void build_sync(struct pane *base)
{
    sync_tree((struct pane_build *)base);
}

static void build_to(struct pane *base, size_t row)
{
    go_to((struct pane_build *)base, row);
}

const struct tree_row *pane_build_row(const struct pane *base)
{
    return row_of((const struct pane_build *)base);
}

const struct build *pane_build_current(const struct pane *base)
{
    return current_of((const struct pane_build *)base);
}

/* The log of the step under the cursor alone. */
static void build_open(const struct pane *pane)
{
    const struct build *build = pane_build_current(pane);
    const struct tree_row *row = pane_build_row(pane);
    if (build == NULL)
        app_say(pane->app, STYLE_DIM, "Nothing has been built yet");
    else if (row != NULL && row->step > 0)
        app_push(pane->app, log_screen_for_step(build->id, row->step));
    else
        app_push(pane->app, log_screen_new(build->id));
}

static void pane_build_free(struct pane *base)
{
    struct pane_build *pane = (struct pane_build *)base;
    build_tree_done(&pane->tree);
    free(pane);
}

static const struct pane_ops ops = {
    .where = KEYS_BUILD,
    .sync = build_sync,
    .wanted = build_wanted,
    .title = build_title,
    .draw = build_draw,
    .command = build_command,
    .open = build_open,
    .to = build_to,
    .free = pane_build_free,
};

struct pane *pane_build_new(struct app *app)
{
    struct pane_build *pane = mem_zalloc(sizeof *pane);
    pane->base = (struct pane){.ops = &ops, .app = app, .scroll = &pane->scroll};
    return &pane->base;
}
