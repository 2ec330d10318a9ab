/* How the rows of the build pane look: services, and what stands below a step. */
#include "tui/pane_build_private.h"

#include <string.h>

#include "core/base/text.h"
#include "tui/format.h"
#include "tui/log_draw.h"

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
    build_row_fold(canvas, 2, row);
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
