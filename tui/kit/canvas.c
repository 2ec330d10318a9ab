#include "tui/kit/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

struct canvas canvas_part(const struct canvas *canvas, int y, int x, int rows, int cols)
{
    struct canvas part = *canvas;
    y = clamp(y, 0, canvas->rows);
    x = clamp(x, 0, canvas->cols);
    part.y += y;
    part.x += x;
    part.rows = clamp(rows, 0, canvas->rows - y);
    part.cols = clamp(cols, 0, canvas->cols - x);
    return part;
}

struct canvas canvas_row(const struct canvas *canvas, int y, enum style over)
{
    struct canvas row = canvas_part(canvas, y, 0, 1, canvas->cols);
    row.over = over;
    if (over != STYLE_NORMAL)
        canvas_fill(&row, 0, 0, row.cols, over, " ");
    return row;
}

static void put(const struct canvas *canvas, int y, int x, attr_t attributes, short pair,
                const char *text, size_t len)
{
    wattr_set(canvas->window, attributes, pair, NULL);
    mvwaddnstr(canvas->window, canvas->y + y, canvas->x + x, text, (int)len);
}

/* For a locale that cannot print them, each other character becomes '?'. */
static size_t to_ascii(char *out, size_t size, const char *text, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x80)
            out[used++] = text[i];
        else if (byte >= 0xc0)
            out[used++] = '?';
    }
    return used;
}

int canvas_attr(const struct canvas *canvas, int y, int x, int width, attr_t attributes, short pair,
                const char *text)
{
    if (y < 0 || y >= canvas->rows || x < 0 || x >= canvas->cols)
        return 0;
    size_t columns;
    size_t len = text_fit(text, (size_t)clamp(width, 0, canvas->cols - x), &columns);
    if (len == 0)
        return 0;
    char plain[1024];
    if (!canvas->theme->utf8) {
        columns = len = to_ascii(plain, sizeof plain, text, len);
        text = plain;
    }
    put(canvas, y, x, attributes, pair, text, len);
    return (int)columns;
}

static int put_style(const struct canvas *canvas, int y, int x, int width, enum style style,
                     const char *text)
{
    const struct theme *theme = canvas->theme;
    if (canvas->over != STYLE_NORMAL)
        style = canvas->over;
    return canvas_attr(canvas, y, x, width, theme->attributes[style], theme->pairs[style], text);
}

int canvas_text(const struct canvas *canvas, int y, int x, int width, enum style style,
                const char *text)
{
    width = clamp(width, 0, canvas->cols - x);
    if (width == 0 || text_fit(text, (size_t)width, NULL) == strlen(text))
        return put_style(canvas, y, x, width, style, text);
    int used = put_style(canvas, y, x, width - 1, style, text);
    return used + put_style(canvas, y, x + used, 1, style, canvas->theme->glyphs->ellipsis);
}

void canvas_right(const struct canvas *canvas, int y, int x, int width, enum style style,
                  const char *text)
{
    int columns = (int)text_width(text);
    int start = columns < width ? x + width - columns : x;
    canvas_text(canvas, y, start, width, style, text);
}

int canvas_raw(const struct canvas *canvas, int y, int x, int width, enum style style,
               const char *text, size_t len)
{
    /* What can be seen of it: no character takes more bytes than this, but
     * for combining marks, and of those a terminal shows few. */
    size_t most = (size_t)clamp(width, 0, canvas->cols) * 16 + 16;
    struct buf *buf = canvas->scratch;
    buf_clear(buf);
    text_clean(buf, text, len < most ? len : most);
    buf_append(buf, "", 1);
    return canvas_text(canvas, y, x, width, style, buf->data);
}

int canvas_printf(const struct canvas *canvas, int y, int x, int width, enum style style,
                  const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return canvas_text(canvas, y, x, width, style, text);
}

void canvas_fill(const struct canvas *canvas, int y, int x, int count, enum style style,
                 const char *glyph)
{
    char run[64 * 4 + 1];
    size_t size = strlen(glyph);
    for (int done = 0; done < count; done += 64) {
        int len = clamp(count - done, 0, 64);
        for (int i = 0; i < len; i++)
            memcpy(run + (size_t)i * size, glyph, size);
        run[(size_t)len * size] = '\0';
        put_style(canvas, y, x + done, len, style, run);
    }
}

void canvas_bar(const struct canvas *canvas, int y, int x, int width, enum style style,
                int64_t part, int64_t whole)
{
    if (whole <= 0 || part <= 0 || width <= 0)
        return;
    double share = part >= whole ? 1.0 : (double)part / (double)whole;
    int eighths = (int)(share * width * 8 + 0.5);
    const char *const *bar = canvas->theme->glyphs->bar;
    /* Something must be seen of what is there. */
    if (eighths == 0)
        eighths = 1;
    canvas_fill(canvas, y, x, eighths / 8, style, bar[8]);
    if (eighths % 8 > 0)
        put_style(canvas, y, x + eighths / 8, 1, style, bar[eighths % 8]);
}

void canvas_clear(const struct canvas *canvas)
{
    for (int y = 0; y < canvas->rows; y++)
        canvas_fill(canvas, y, 0, canvas->cols, STYLE_NORMAL, " ");
}

struct canvas canvas_box(const struct canvas *canvas, enum style style, const char *title)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    int bottom = canvas->rows - 1, right = canvas->cols - 1;
    canvas_clear(canvas);
    canvas_fill(canvas, 0, 1, right - 1, style, glyphs->horizontal);
    canvas_fill(canvas, bottom, 1, right - 1, style, glyphs->horizontal);
    for (int y = 1; y < bottom; y++) {
        canvas_fill(canvas, y, 0, 1, style, glyphs->vertical);
        canvas_fill(canvas, y, right, 1, style, glyphs->vertical);
    }
    canvas_fill(canvas, 0, 0, 1, style, glyphs->top_left);
    canvas_fill(canvas, 0, right, 1, style, glyphs->top_right);
    canvas_fill(canvas, bottom, 0, 1, style, glyphs->bottom_left);
    canvas_fill(canvas, bottom, right, 1, style, glyphs->bottom_right);
    canvas_printf(canvas, 0, 1, right - 1, STYLE_TITLE, " %s ", title);
    return canvas_part(canvas, 1, 1, canvas->rows - 2, canvas->cols - 2);
}
