#include "tui/log_view.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

/* The line cut into pieces that look alike: it is walked from the left, and
 * each piece ends where the next run, the text or a match begins or ends. */
struct pieces {
    const struct log_line *line;
    const struct log_look *look;
    size_t at, run;
    size_t match, match_end; /* the match under way, or the next one */
};

static void next_match(struct pieces *pieces)
{
    const struct buf *text = &pieces->line->text.text;
    const char *sought = pieces->look->sought;
    const char *found = sought != NULL ? log_find_text(text->data, text->len, pieces->match_end,
                                                       sought, pieces->look->exact_case)
                                       : NULL;
    pieces->match = found != NULL ? (size_t)(found - text->data) : SIZE_MAX;
    pieces->match_end = found != NULL ? pieces->match + strlen(sought) : SIZE_MAX;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where the piece that begins at pieces->at ends. */
static size_t end_of_piece(struct pieces *pieces)
{
    const struct sgr_line *text = &pieces->line->text;
    size_t end = text->text.len;
    while (pieces->run + 1 < text->runs_len && text->runs[pieces->run + 1].start <= pieces->at)
        pieces->run++;
    if (pieces->run + 1 < text->runs_len)
        end = least(end, text->runs[pieces->run + 1].start);
    if (pieces->at < pieces->line->prefix)
        end = least(end, pieces->line->prefix);
    if (pieces->at >= pieces->match_end)
        next_match(pieces);
    return least(end, pieces->at < pieces->match ? pieces->match : pieces->match_end);
}

static enum style style_of(const struct pieces *pieces)
{
    static const enum style styles[] = {
        [LOG_OTHER] = STYLE_NORMAL, [LOG_NAME] = STYLE_BOLD,     [LOG_EVENT] = STYLE_DIM,
        [LOG_STATE] = STYLE_DIM,    [LOG_OUTPUT] = STYLE_NORMAL, [LOG_ERROR] = STYLE_BAD,
        [LOG_WARNING] = STYLE_WARN, [LOG_CLIPPED] = STYLE_WARN,
    };
    if (pieces->at >= pieces->match && pieces->at < pieces->match_end)
        return pieces->look->hit ? STYLE_HIT : STYLE_MATCH;
    return pieces->at < pieces->line->prefix ? STYLE_DIM : styles[pieces->line->kind];
}

static attr_t attributes_of(const struct theme *theme, const struct pieces *pieces, short *ret_pair)
{
    const struct sgr_line *text = &pieces->line->text;
    const struct sgr_run *run = &text->runs[pieces->run];
    enum style style = style_of(pieces);
    *ret_pair = theme->pairs[style];
    if (style == STYLE_MATCH || style == STYLE_HIT || pieces->at < pieces->line->prefix)
        return theme->attributes[style];
    short pair;
    attr_t attributes = theme_sgr(theme, run, &pair);
    if (pair != 0)
        *ret_pair = pair;
    return attributes == A_NORMAL && pair == 0 ? theme->attributes[style] : attributes;
}

/* What stands left of the edge is left out; of a wide character on the edge
 * both halves are. */
static const char *skip_columns(const char *text, int *x)
{
    size_t skipped;
    text += text_fit(text, (size_t) - *x, &skipped);
    *x += (int)skipped;
    if (*x < 0 && *text != '\0') {
        text += text_fit(text, 2, &skipped);
        *x += (int)skipped;
    }
    return text;
}

void log_draw(const struct canvas *canvas, int y, const struct log_line *line, int from,
              const struct log_look *look)
{
    struct pieces pieces = {.line = line, .look = look};
    int x = -from;
    next_match(&pieces);
    while (pieces.at < line->text.text.len && x < canvas->cols) {
        size_t end = end_of_piece(&pieces);
        struct buf *piece = canvas->scratch;
        buf_clear(piece);
        buf_append(piece, line->text.text.data + pieces.at, end - pieces.at);
        buf_append(piece, "", 1);
        int width = (int)text_width(piece->data), at = x;
        const char *seen = x < 0 ? skip_columns(piece->data, &at) : piece->data;
        short pair;
        attr_t attributes = attributes_of(canvas->theme, &pieces, &pair);
        if (at >= 0 && *seen != '\0')
            canvas_attr(canvas, y, at, canvas->cols - at, attributes, pair, seen);
        x += width;
        pieces.at = end;
    }
}

enum { SIDE_COLS = 8 }; /* one step to the side */

void log_view_done(struct log_view *view)
{
    free(view->search);
    logfilter_done(&view->filter);
    log_line_done(&view->line);
    *view = (struct log_view){0};
}

/* 0, BUILDLOG_GONE or BUILDLOG_LOADING. */
static int read_line(struct log_view *view, const struct buildlog *log, uint64_t number)
{
    struct buildlog_line line;
    int code = buildlog_get(log, number, &line);
    if (code == 0)
        log_line_read(&view->line, &line, view->times);
    return code;
}

static bool seek(const struct log_view *view, const struct buildlog *log, uint64_t from,
                 int direction, uint64_t *ret_number)
{
    return buildlog_seek(log, &view->filter, from, direction, ret_number) == 0;
}

/* Rows that a line takes. */
static size_t rows_of(struct log_view *view, const struct buildlog *log, uint64_t number)
{
    if (!view->wrap || view->cols <= 0 || read_line(view, log, number) != 0)
        return 1;
    const char *rest = view->line.text.text.data;
    size_t rows = 0;
    do {
        size_t len = text_fit(rest, (size_t)view->cols, NULL);
        if (len == 0)
            break;
        rest += len;
        rows++;
    } while (*rest != '\0');
    return rows > 0 ? rows : 1;
}

/* ---- movement */

static bool move_up(struct log_view *view, const struct buildlog *log)
{
    uint64_t above;
    if (view->top_row > 0) {
        view->top_row--;
        return true;
    }
    if (view->top == 0 || !seek(view, log, view->top - 1, -1, &above))
        return false;
    view->top = above;
    view->top_row = rows_of(view, log, above) - 1;
    return true;
}

static bool move_down(struct log_view *view, const struct buildlog *log)
{
    uint64_t below;
    if (view->top_row + 1 < rows_of(view, log, view->top)) {
        view->top_row++;
        return true;
    }
    if (!seek(view, log, view->top + 1, 1, &below))
        return false;
    view->top = below;
    view->top_row = 0;
    return true;
}

/* The last screen full: walked up from the end, as lines differ in height. */
static void go_to_end(struct log_view *view, const struct buildlog *log)
{
    view->top = buildlog_end(log);
    view->top_row = 0;
    for (int row = 0; row < view->rows; row++)
        if (!move_up(view, log))
            break;
}

static bool is_before(const struct log_view *a, const struct log_view *b)
{
    return a->top < b->top || (a->top == b->top && a->top_row < b->top_row);
}

/* Keeps the window on lines that exist, and full when there are enough. */
static void settle(struct log_view *view, const struct buildlog *log)
{
    uint64_t first = buildlog_first(log), number;
    if (view->top < first)
        view->top_row = 0;
    if (seek(view, log, view->top > first ? view->top : first, 1, &number)) {
        view->top_row = number == view->top ? view->top_row : 0;
        view->top = number;
    }
    struct log_view end = *view;
    go_to_end(&end, log);
    view->line = end.line; /* its memory may have moved */
    if (view->follow || is_before(&end, view)) {
        view->top = end.top;
        view->top_row = end.top_row;
    }
}

void log_view_scroll(struct log_view *view, const struct buildlog *log, long rows)
{
    view->follow = false;
    view->above = 0;
    for (; rows < 0 && move_up(view, log); rows++)
        continue;
    for (; rows > 0 && move_down(view, log); rows--)
        continue;
    settle(view, log);
}

static void go_to_top(struct log_view *view, const struct buildlog *log)
{
    view->follow = false;
    view->above = 0;
    view->top = buildlog_first(log);
    view->top_row = 0;
}

/* ---- to the side */

/* So far that the end of the longest line to be seen stands at the edge. */
static void go_to_line_end(struct log_view *view, const struct buildlog *log)
{
    uint64_t number = view->top;
    int widest = 0;
    for (int row = 0; row < view->rows && seek(view, log, number, 1, &number); row++, number++) {
        int width =
            read_line(view, log, number) == 0 ? (int)text_width(view->line.text.text.data) : 0;
        widest = width > widest ? width : widest;
    }
    view->left = widest > view->cols ? widest - view->cols : 0;
}

/* The columns where the text sought stands first. */
static void show_match(struct log_view *view)
{
    const struct buf *text = &view->line.text.text;
    const char *found = view->search != NULL ? log_find_text(text->data, text->len, 0, view->search,
                                                             log_case_counts(view->search))
                                             : NULL;
    if (found == NULL || view->wrap)
        return;
    char *before = mem_strndup(text->data, (size_t)(found - text->data));
    int start = (int)text_width(before), end = start + (int)text_width(view->search);
    free(before);
    if (start < view->left || end > view->left + view->cols)
        view->left = end > view->cols ? start - view->cols / 3 : 0;
}

static void show_above(struct log_view *view, const struct buildlog *log)
{
    while (view->above > 0 && move_up(view, log))
        view->above--;
}

void log_view_go_to(struct log_view *view, const struct buildlog *log, uint64_t number, int above)
{
    view->follow = false;
    view->has_hit = true;
    view->hit = view->top = number;
    view->top_row = 0;
    view->above = above;
    show_above(view, log);
    if (read_line(view, log, number) == 0)
        show_match(view);
    settle(view, log);
}

/* ---- commands */

static void move_aside(struct log_view *view, int columns)
{
    if (!view->wrap)
        view->left = view->left + columns > 0 ? view->left + columns : 0;
}

static bool move_sideways(struct log_view *view, const struct buildlog *log, enum command command)
{
    switch (command) {
    case COMMAND_LEFT:
        move_aside(view, -SIDE_COLS);
        return true;
    case COMMAND_RIGHT:
        move_aside(view, SIDE_COLS);
        return true;
    case COMMAND_LINE_START:
        view->left = 0;
        return true;
    case COMMAND_LINE_END:
        if (!view->wrap)
            go_to_line_end(view, log);
        return true;
    default:
        return false;
    }
}

bool log_view_command(struct log_view *view, const struct buildlog *log, enum command command)
{
    long page = view->rows > 1 ? view->rows - 1 : 1;
    switch (command) {
    case COMMAND_UP:
        log_view_scroll(view, log, -1);
        return true;
    case COMMAND_DOWN:
        log_view_scroll(view, log, 1);
        return true;
    case COMMAND_PAGE_UP:
        log_view_scroll(view, log, -page);
        return true;
    case COMMAND_PAGE_DOWN:
        log_view_scroll(view, log, page);
        return true;
    case COMMAND_TOP:
        go_to_top(view, log);
        return true;
    case COMMAND_BOTTOM:
        view->follow = true;
        return true;
    default:
        return move_sideways(view, log, command);
    }
}

/* ---- drawing */

/* Draws the rows of a wrapped line from its row `skip` on; returns the next y. */
static int draw_wrapped(const struct log_view *view, const struct canvas *canvas, int y,
                        size_t skip, const struct log_look *look)
{
    const char *rest = view->line.text.text.data;
    int from = 0;
    size_t row = 0, columns;
    do {
        size_t len = text_fit(rest, (size_t)canvas->cols, &columns);
        if (row++ >= skip) {
            struct canvas line = canvas_part(canvas, y, 0, 1, (int)columns);
            log_draw(&line, 0, &view->line, from, look);
            y++;
        }
        if (len == 0)
            break;
        rest += len;
        from += (int)columns;
    } while (*rest != '\0' && y < canvas->rows);
    return y;
}

static int draw_line(struct log_view *view, const struct canvas *canvas, int y, size_t skip,
                     uint64_t number)
{
    const struct log_look look = {
        .sought = view->search,
        .exact_case = view->search != NULL && log_case_counts(view->search),
        .hit = view->has_hit && number == view->hit,
    };
    if (view->wrap)
        return draw_wrapped(view, canvas, y, skip, &look);
    struct canvas row = canvas_part(canvas, y, 0, 1, canvas->cols);
    log_draw(&row, 0, &view->line, view->left, &look);
    return y + 1;
}

void log_view_draw(struct log_view *view, const struct buildlog *log, const struct canvas *canvas)
{
    view->rows = canvas->rows;
    view->cols = canvas->cols;
    show_above(view, log);
    settle(view, log);
    size_t skip = view->wrap ? view->top_row : 0;
    uint64_t number = view->top;
    for (int y = 0; y < canvas->rows && seek(view, log, number, 1, &number); number++) {
        int code = read_line(view, log, number);
        if (code == BUILDLOG_GONE) /* the disk can't give it back */
            continue;
        view->last = number;
        if (code == BUILDLOG_LOADING) /* it is on its way from the file */
            canvas_text(canvas, y++, 0, canvas->cols, STYLE_DIM, canvas->theme->glyphs->ellipsis);
        else
            y = draw_line(view, canvas, y, skip, number);
        skip = 0;
    }
}
