/* What is to be seen on a terminal. */
#include "tests/screen/terminal_private.h"

#include <stdlib.h>
#include <string.h>

int terminal_columns(const struct terminal *terminal)
{
    return terminal->columns;
}

int terminal_rows(const struct terminal *terminal)
{
    return terminal->rows;
}

static VTermScreenCell cell_at(struct terminal *terminal, int row, int column)
{
    VTermScreenCell cell = {0};
    vterm_screen_get_cell(terminal->screen, (VTermPos){.row = row, .col = column}, &cell);
    return cell;
}

static void append_rune(struct buf *buf, uint32_t rune)
{
    unsigned char bytes[4];
    size_t len = rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; rune >>= 6)
        bytes[i] = (unsigned char)(0x80 | (rune & 0x3f));
    bytes[0] = (unsigned char)(leads[len] | rune);
    buf_append(buf, bytes, len);
}

/* The right half of a wide character is a cell of its own, with this in it. */
#define WIDE_REST UINT32_MAX

static void append_row(struct terminal *terminal, int row, struct buf *buf)
{
    size_t start = buf->len;
    for (int column = 0; column < terminal->columns; column++) {
        VTermScreenCell cell = cell_at(terminal, row, column);
        if (cell.chars[0] == WIDE_REST)
            continue;
        if (cell.chars[0] == 0)
            buf_append_str(buf, " ");
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++)
            append_rune(buf, cell.chars[i]);
    }
    while (buf->len > start && buf->data[buf->len - 1] == ' ')
        buf->len--;
    buf_append(buf, "", 0);
}

char *terminal_row_text(struct terminal *terminal, int row)
{
    struct buf buf = {0};
    append_row(terminal, row, &buf);
    return buf_take(&buf);
}

char *terminal_text(struct terminal *terminal)
{
    struct buf buf = {0};
    for (int row = 0; row < terminal->rows; row++) {
        append_row(terminal, row, &buf);
        buf_append_str(&buf, "\n");
    }
    return buf_take(&buf);
}

/* The column of a byte offset in a row's text. */
static int column_of(struct terminal *terminal, int row, size_t offset)
{
    int column = 0;
    struct buf buf = {0};
    for (; column < terminal->columns; column++) {
        VTermScreenCell cell = cell_at(terminal, row, column);
        if (buf.len >= offset && cell.chars[0] != WIDE_REST)
            break;
        if (cell.chars[0] == 0)
            buf_append_str(&buf, " ");
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++)
            if (cell.chars[i] != WIDE_REST)
                append_rune(&buf, cell.chars[i]);
    }
    buf_done(&buf);
    return column;
}

bool terminal_find(struct terminal *terminal, const char *text, int *ret_row, int *ret_column)
{
    for (int row = 0; row < terminal->rows; row++) {
        char *line = terminal_row_text(terminal, row);
        const char *found = strstr(line, text);
        size_t offset = found != NULL ? (size_t)(found - line) : 0;
        free(line);
        if (found != NULL) {
            *ret_row = row;
            *ret_column = column_of(terminal, row, offset);
            return true;
        }
    }
    return false;
}

bool terminal_shows(struct terminal *terminal, const char *text)
{
    int row, column;
    return terminal_find(terminal, text, &row, &column);
}

unsigned terminal_look(struct terminal *terminal, int row, int column)
{
    VTermScreenCell cell = cell_at(terminal, row, column);
    bool coloured = !VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg);
    return (cell.attrs.bold ? LOOK_BOLD : 0u) | (cell.attrs.reverse ? LOOK_REVERSE : 0u) |
           (coloured ? LOOK_COLOUR : 0u) | (cell.attrs.underline ? LOOK_UNDERLINE : 0u);
}

bool terminal_has_look(struct terminal *terminal, unsigned look)
{
    for (int row = 0; row < terminal->rows; row++)
        for (int column = 0; column < terminal->columns; column++)
            if ((terminal_look(terminal, row, column) & look) != 0)
                return true;
    return false;
}

bool terminal_is_alternate(const struct terminal *terminal)
{
    return terminal->alternate;
}

static const char *last_of(const struct terminal *terminal, const char *sequence)
{
    const char *last = NULL, *next = terminal->raw.data;
    while ((next = strstr(next, sequence)) != NULL)
        last = next++;
    return last;
}

/* Not asked of libvterm: when the alternate screen is left it puts back the
 * cursor's visibility of an earlier time, which no other terminal does. */
bool terminal_shows_cursor(const struct terminal *terminal)
{
    const char *on = last_of(terminal, "\033[?25h"), *off = last_of(terminal, "\033[?25l");
    return off == NULL || (on != NULL && on > off);
}

bool terminal_wants_mouse(const struct terminal *terminal)
{
    return terminal->mouse;
}
