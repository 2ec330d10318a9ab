/* How the rows of steps look. */
#include "tui/pane_build_private.h"

#include <string.h>

#include "core/base/text.h"
#include "tui/format.h"
#include "tui/sgr.h"
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
int build_row_indent(const struct pane_build_look *look, const struct tree_row *row)
{
    return look->tree->groups[row->group].headed ? 3 : 1;
}

void build_row_fold(const struct canvas *canvas, int x, const struct tree_row *row)
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
void build_row_transfers(const struct canvas *canvas, const struct step *step)
{
    struct step_transfer_sum sum = step_transfer_sum(step);
    int64_t current = sum.goal > 0 ? sum.current : step->current;
    draw_bytes(canvas, current, sum.goal, sum.over, sum.len, step->transfer);
}

void build_row_transfer(const struct canvas *canvas, const struct step_transfer *transfer)
{
    draw_bytes(canvas, transfer->current, transfer->goal, 0, 0, transfer->name);
}

/* ---- a step */

void build_row_last_line(const struct canvas *canvas, enum style style,
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
        build_row_transfers(canvas, step);
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
        build_row_last_line(&rest, clip_is_last ? STYLE_WARN : style, &line);
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

void build_row_step(const struct pane_build_look *look, const struct canvas *canvas,
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
