#include "tui/log_view.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

enum {
    SIDE_COLS = 8, /* one step to the side */
    /* A line may be half a megabyte; nobody reads on here. Saved it is whole. */
    LINE_SHOWN_MAX = 64 * 1024,
};

void log_view_done(struct log_view *view)
{
    free(view->search);
    sgr_done(&view->line);
    *view = (struct log_view){0};
}

static bool read_line(struct log_view *view, const struct buildlog *log, uint64_t number)
{
    struct buildlog_line line;
    if (buildlog_get(log, number, &line) != 0)
        return false;
    sgr_parse(&view->line, line.text, line.len < LINE_SHOWN_MAX ? line.len : LINE_SHOWN_MAX);
    return true;
}

/* Rows that a line takes. */
static size_t rows_of(struct log_view *view, const struct buildlog *log, uint64_t number)
{
    if (!view->wrap || view->cols <= 0 || !read_line(view, log, number))
        return 1;
    const char *rest = view->line.text.data;
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

static void move_up(struct log_view *view, const struct buildlog *log)
{
    if (view->top_row > 0) {
        view->top_row--;
    } else if (view->top > buildlog_first(log)) {
        view->top--;
        view->top_row = rows_of(view, log, view->top) - 1;
    }
}

static void move_down(struct log_view *view, const struct buildlog *log)
{
    if (view->top >= buildlog_end(log))
        return;
    if (view->top_row + 1 < rows_of(view, log, view->top)) {
        view->top_row++;
    } else if (view->top + 1 < buildlog_end(log)) {
        view->top++;
        view->top_row = 0;
    }
}

/* The last screen full: walked up from the end, as lines differ in height. */
static void go_to_end(struct log_view *view, const struct buildlog *log)
{
    view->top = buildlog_end(log);
    view->top_row = 0;
    for (int row = 0; row < view->rows; row++)
        move_up(view, log);
}

static bool is_before(const struct log_view *a, const struct log_view *b)
{
    return a->top < b->top || (a->top == b->top && a->top_row < b->top_row);
}

/* Keeps the window on lines that exist, and full when there are enough. */
static void settle(struct log_view *view, const struct buildlog *log)
{
    if (view->top < buildlog_first(log)) {
        view->top = buildlog_first(log);
        view->top_row = 0;
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
    for (; rows < 0; rows++)
        move_up(view, log);
    for (; rows > 0; rows--)
        move_down(view, log);
    settle(view, log);
}

static void move_aside(struct log_view *view, int columns)
{
    if (!view->wrap)
        view->left = view->left + columns > 0 ? view->left + columns : 0;
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
        view->follow = false;
        view->top = buildlog_first(log);
        view->top_row = 0;
        return true;
    case COMMAND_BOTTOM:
        view->follow = true;
        return true;
    case COMMAND_LEFT:
        move_aside(view, -SIDE_COLS);
        return true;
    case COMMAND_RIGHT:
        move_aside(view, SIDE_COLS);
        return true;
    default:
        return false;
    }
}

/* ---- search */

static const char *find(const char *text, size_t len, const char *sought, size_t sought_len)
{
    int first = tolower((unsigned char)sought[0]);
    for (size_t i = 0; i + sought_len <= len; i++)
        if (tolower((unsigned char)text[i]) == first &&
            strncasecmp(text + i, sought, sought_len) == 0)
            return text + i;
    return NULL;
}

bool log_view_find(struct log_view *view, const struct buildlog *log, uint64_t from, int step)
{
    size_t len = view->search != NULL ? strlen(view->search) : 0;
    struct buildlog_line line;
    if (len == 0)
        return false;
    for (uint64_t i = from; i >= buildlog_first(log) && i < buildlog_end(log);
         i += (uint64_t)(int64_t)step) {
        if (buildlog_get(log, i, &line) != 0 || find(line.text, line.len, view->search, len) == NULL)
            continue;
        view->follow = false;
        view->top = i;
        view->top_row = 0;
        return true;
    }
    return false;
}

/* ---- drawing */

/* The columns [from, from + canvas->cols) of the line in one row. */
static void draw_runs(const struct sgr_line *line, const struct canvas *canvas, int y, int from)
{
    int x = -from;
    struct buf part = {0};
    for (size_t i = 0; i < line->runs_len && x < canvas->cols; i++) {
        const struct sgr_run *run = &line->runs[i];
        size_t end = i + 1 < line->runs_len ? line->runs[i + 1].start : line->text.len;
        buf_clear(&part);
        buf_append(&part, line->text.data + run->start, end - run->start);
        buf_append(&part, "", 1);
        int width = (int)text_width(part.data);
        const char *seen = part.data;
        int at = x;
        if (x < 0) {
            size_t skipped;
            seen += text_fit(seen, (size_t)-x, &skipped);
            at = x + (int)skipped;
            if (at < 0 && *seen != '\0') { /* half of a wide character */
                size_t one = text_fit(seen, 2, &skipped);
                seen += one;
                at += (int)skipped;
            }
        }
        short pair;
        attr_t attributes = theme_sgr(canvas->theme, run->foreground, run->bold, &pair);
        if (at >= 0)
            canvas_attr(canvas, y, at, canvas->cols - at, attributes, pair, seen);
        x += width;
    }
    buf_done(&part);
}

static void draw_matches(const struct log_view *view, const struct canvas *canvas, int y, int from)
{
    const struct buf *text = &view->line.text;
    size_t len = view->search != NULL ? strlen(view->search) : 0;
    size_t at = 0;
    while (len > 0) {
        const char *found = find(text->data + at, text->len - at, view->search, len);
        if (found == NULL)
            return;
        struct buf part = {0};
        buf_append(&part, text->data, (size_t)(found - text->data));
        buf_append(&part, "", 1);
        int x = (int)text_width(part.data) - from;
        buf_clear(&part);
        buf_append(&part, found, len);
        buf_append(&part, "", 1);
        if (x >= 0 && x < canvas->cols)
            canvas_text(canvas, y, x, canvas->cols - x, STYLE_MATCH, part.data);
        buf_done(&part);
        at = (size_t)(found - text->data) + len;
        if (x >= canvas->cols)
            return;
    }
}

static void draw_line(const struct log_view *view, const struct canvas *canvas, int y, int from)
{
    struct canvas row = canvas_part(canvas, y, 0, 1, canvas->cols);
    draw_runs(&view->line, &row, 0, from);
    draw_matches(view, &row, 0, from);
}

/* Draws the rows of a wrapped line from its row `skip` on; returns the next y. */
static int draw_wrapped(const struct log_view *view, const struct canvas *canvas, int y,
                        size_t skip)
{
    const char *rest = view->line.text.data;
    int from = 0;
    size_t row = 0, columns;
    do {
        size_t len = text_fit(rest, (size_t)canvas->cols, &columns);
        if (row++ >= skip) {
            struct canvas line = canvas_part(canvas, y, 0, 1, (int)columns);
            draw_line(view, &line, 0, from);
            y++;
        }
        if (len == 0)
            break;
        rest += len;
        from += (int)columns;
    } while (*rest != '\0' && y < canvas->rows);
    return y;
}

void log_view_draw(struct log_view *view, const struct buildlog *log, const struct canvas *canvas)
{
    view->rows = canvas->rows;
    view->cols = canvas->cols;
    settle(view, log);
    size_t skip = view->wrap ? view->top_row : 0;
    uint64_t number = view->top;
    for (int y = 0; y < canvas->rows && read_line(view, log, number); number++) {
        if (view->wrap) {
            y = draw_wrapped(view, canvas, y, skip);
        } else {
            draw_line(view, canvas, y, view->left);
            y++;
        }
        skip = 0;
    }
}
