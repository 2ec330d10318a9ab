/* How the rows of the build pane look. */
#include "tui/pane.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "tui/format.h"
#include "tui/log_draw.h"
#include "tui/table.h"

enum { LINE_SEEN_MAX = 4096, BAR_COLS = 12 };

enum column { STEP, INSTRUCTION, TIME, OUTPUT };

static const struct table_column columns[] = {
    [STEP] = {"", 12, 18, false, 0},
    [INSTRUCTION] = {"", 10, 70, false, 0},
    [TIME] = {"", 8, 0, true, 0},
    [OUTPUT] = {"", 10, 1000, false, 60},
};

/* Cursor, sign of the state, sign of the fold; below a heading further in. */
static int indent_of(const struct pane_build_look *look, const struct tree_row *row)
{
    return look->tree->groups[row->group].headed ? 3 : 1;
}

static void draw_fold(const struct canvas *canvas, int x, const struct tree_row *row)
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
static void draw_transfers(const struct canvas *canvas, const struct step *step)
{
    struct step_transfer_sum sum = step_transfer_sum(step);
    int64_t current = sum.goal > 0 ? sum.current : step->current;
    draw_bytes(canvas, current, sum.goal, sum.over, sum.len, step->transfer);
}

static void draw_transfer(const struct canvas *canvas, const struct step_transfer *transfer)
{
    draw_bytes(canvas, transfer->current, transfer->goal, 0, 0, transfer->name);
}

/* ---- a step */

static int draw_last_line(const struct canvas *canvas, enum style style,
                          const struct buildlog_line *line)
{
    struct sgr_line clean = {0};
    /* The last state of a line that overwrites itself stands at its end. */
    size_t len = line->len < LINE_SEEN_MAX ? line->len : LINE_SEEN_MAX;
    sgr_parse(&clean, line->text + line->len - len, len);
    int width = canvas_text(canvas, 0, 0, canvas->cols, style, clean.text.data);
    sgr_done(&clean);
    return width;
}

static void draw_warnings(const struct canvas *canvas, const struct build *build,
                          const struct step *step)
{
    const char *first = NULL;
    for (size_t i = 0; i < build->warnings_len && first == NULL; i++)
        if (build->warnings[i].step == step->number)
            first = build->warnings[i].text;
    int x = canvas_printf(canvas, 0, 0, canvas->cols, STYLE_WARN, "%zu warning%s%s",
                          step->warnings, step->warnings > 1 ? "s" : "", first ? ": " : "");
    if (first != NULL)
        canvas_raw(canvas, 0, x, canvas->cols - x, STYLE_WARN, first, strlen(first));
}

/* What moves, what was said last, else what is odd. Open, it stands below. */
static void draw_output(const struct canvas *canvas, const struct build *build,
                        const struct step *step, const struct tree_row *row)
{
    enum style style = step->error != NULL ? STYLE_BAD : STYLE_DIM;
    struct canvas rest = *canvas;
    struct buildlog_line line;
    if (step->transfer != NULL && step->state == STEP_RUNNING) {
        draw_transfers(canvas, step);
        return;
    }
    bool clip_is_last = step->clipped && step_last_line(build, step, &line) && line.len > 0 &&
                        line.text[0] == '[';
    if (step->clipped && !clip_is_last) {
        int x = canvas_text(canvas, 0, 0, canvas->cols, STYLE_WARN, "clipped by the engine ");
        rest = canvas_part(canvas, 0, x, 1, canvas->cols - x);
    }
    if (row->is_open && step_is_over(step))
        return;
    if (step->warnings > 0)
        draw_warnings(&rest, build, step);
    else if (step_last_line(build, step, &line))
        draw_last_line(&rest, clip_is_last ? STYLE_WARN : style, &line);
    else if (step->error != NULL)
        canvas_raw(&rest, 0, 0, rest.cols, style, step->error, strlen(step->error));
}

static void draw_time(const struct pane_build_look *look, const struct table *table,
                      const struct canvas *canvas, const struct step *step, enum style style)
{
    char text[FORMAT_SIZE];
    if (step->state == STEP_CACHED)
        table_cell(table, canvas, TIME, STYLE_GOOD, "CACHED");
    else if (step->state != STEP_WAITING)
        table_cell(table, canvas, TIME, style,
                   text_duration(text, format_step_ms(step, app_mono_ms(look->app))));
}

static void draw_step(const struct pane_build_look *look, const struct canvas *canvas,
                      const struct build *build, const struct tree_row *row)
{
    const struct step *step = build_find_step(build, row->step);
    struct table table;
    struct buf label = {0};
    int x = indent_of(look, row);
    if (step == NULL)
        return;
    struct format_state state = format_step_state(canvas->theme, step->state);
    enum style style = step->internal ? STYLE_DIM : STYLE_NORMAL;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_layout(&table, x + 3, canvas->cols);
    canvas_text(canvas, 0, x, 1, state.style, state.glyph);
    draw_fold(canvas, x + 1, row);
    format_step_place(&label, step);
    table_cell(&table, canvas, STEP, style, label.len > 0 ? label.data : "");
    buf_done(&label);
    const char *what = step->instruction[0] != '\0' ? step->instruction : step->name;
    table_cell_raw(&table, canvas, INSTRUCTION, style, what, strlen(what));
    draw_time(look, &table, canvas, step, style);
    const struct table_place *place = &table.places[OUTPUT];
    struct canvas output = canvas_part(canvas, 0, place->x, 1, place->width);
    if (place->width > 0)
        draw_output(&output, build, step, row);
}

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

static int draw_counts(const struct pane_build_look *look, const struct canvas *canvas, int x,
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
    if (step == NULL || x + 2 >= canvas->cols)
        return;
    x += 2 + canvas_raw(canvas, 0, x + 2, (canvas->cols - x) / 2, STYLE_NORMAL, step->instruction,
                        strlen(step->instruction));
    struct canvas rest = canvas_part(canvas, 0, x + 2, 1, canvas->cols - x - 2);
    if (step->transfer != NULL)
        draw_transfers(&rest, step);
    else if (step_last_line(build, step, &line))
        draw_last_line(&rest, STYLE_DIM, &line);
}

static void draw_group(const struct pane_build_look *look, const struct canvas *canvas,
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
    draw_fold(canvas, 2, row);
    int x = 4 + canvas_text(canvas, 0, 4, canvas->cols / 2, STYLE_BOLD, name.data);
    buf_done(&name);
    x = draw_counts(look, canvas, x + 2, build, group);
    if (!row->is_open)
        draw_running(canvas, x, build, group->running);
}

/* ---- what stands below */

static void draw_line(const struct pane_build_look *look, const struct canvas *canvas,
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

static void draw_inside(const struct pane_build_look *look, const struct canvas *canvas,
                        const struct build *build, const struct tree_row *row)
{
    static const enum style styles[] = {
        [TREE_REASON] = STYLE_BAD, [TREE_CAUSE] = STYLE_WARN, [TREE_WAY] = STYLE_DIM,
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
            draw_transfer(canvas, &step->transfers[row->at]);
        break;
    case TREE_EARLIER:
        canvas_printf(canvas, 0, 0, canvas->cols, STYLE_DIM, "%s more above: i shows the whole log",
                      canvas->theme->glyphs->ellipsis);
        break;
    default:
        canvas_raw(canvas, 0, 0, canvas->cols, styles[row->kind], row->text, row->len);
    }
}

void pane_build_draw_row(const struct pane_build_look *look, const struct canvas *canvas, int y,
                         const struct build *build, const struct tree_row *row)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    struct canvas line = canvas_row(canvas, y, look->focused ? STYLE_CURSOR : STYLE_NORMAL);
    if (look->focused)
        canvas_text(&line, 0, 0, 1, STYLE_ACCENT, glyphs->cursor);
    if (row->kind == TREE_GROUP) {
        draw_group(look, &line, build, row);
    } else if (row->kind == TREE_STEP) {
        draw_step(look, &line, build, row);
    } else {
        int x = indent_of(look, row) + 1;
        if (row->step > 0)
            canvas_text(&line, 0, x, 1, STYLE_BORDER, glyphs->vertical);
        x += row->step > 0 ? 2 : 0;
        struct canvas inside = canvas_part(&line, 0, x, 1, line.cols - x);
        draw_inside(look, &inside, build, row);
    }
}
