#include "tui/input.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"

enum { TEXT_MAX = 256 };

struct input {
    struct screen screen;
    const char *prompt;
    const struct input_ops *ops;
    void *arg;
    struct buf text;
};

static unsigned input_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_INPUT;
}

static const char *text_of(const struct input *input)
{
    return input->text.len > 0 ? input->text.data : "";
}

/* The end of the text is what a writer wants to see. */
static const char *tail(const char *text, int width)
{
    while (*text != '\0' && (int)text_width(text) > width) {
        text++;
        while ((*text & 0xc0) == 0x80)
            text++;
    }
    return text;
}

static void input_draw(struct screen *screen, const struct canvas *canvas)
{
    struct input *input = (struct input *)screen;
    struct canvas row = canvas_part(canvas, canvas->rows - 1, 0, 1, canvas->cols);
    canvas_clear(&row);
    enum style style;
    const char *message = app_message(screen->app, &style);
    int at = 1 + canvas_text(&row, 0, 1, row.cols, STYLE_KEY, input->prompt);
    int room = row.cols - at - 2;
    at += canvas_text(&row, 0, at, room, STYLE_NORMAL, tail(text_of(input), room));
    at += canvas_text(&row, 0, at, 1, STYLE_CURSOR, " ");
    if (message != NULL && (int)text_width(message) <= row.cols - at - 2)
        canvas_text(&row, 0, at + 2, row.cols - at - 2, style, message);
    else if (message != NULL)
        app_draw_message(screen->app, canvas, canvas->rows - 2, 0, canvas->cols);
}

static void append(struct input *input, int key)
{
    char bytes[MB_LEN_MAX];
    mbstate_t state = {0};
    if (key < ' ' || key >= INPUT_NONE || (key >= 0x7f && key < 0xa0))
        return;
    size_t len = wcrtomb(bytes, (wchar_t)key, &state);
    if (len != (size_t)-1 && input->text.len + len <= TEXT_MAX)
        buf_append(&input->text, bytes, len);
}

static void truncate_to(struct input *input, size_t len)
{
    if (input->text.len == 0)
        return;
    input->text.len = len;
    input->text.data[len] = '\0';
}

static void erase_character(struct input *input)
{
    size_t len = input->text.len;
    while (len > 0 && (input->text.data[len - 1] & 0xc0) == 0x80)
        len--;
    truncate_to(input, len > 0 ? len - 1 : 0);
}

static void erase_word(struct input *input)
{
    size_t len = input->text.len;
    while (len > 0 && input->text.data[len - 1] == ' ')
        len--;
    while (len > 0 && input->text.data[len - 1] != ' ')
        len--;
    truncate_to(input, len);
}

static void cancel(struct input *input)
{
    app_close(&input->screen);
    if (input->ops->on_cancel != NULL)
        input->ops->on_cancel(input->arg);
}

static void input_key(struct screen *screen, int key)
{
    struct input *input = (struct input *)screen;
    switch (key) {
    case INPUT_ENTER:
        if (input->ops->on_accept(input->arg, text_of(input)))
            app_close(screen);
        return;
    case INPUT_ESCAPE:
        cancel(input);
        return;
    case INPUT_BACKSPACE:
        if (input->text.len == 0) {
            cancel(input);
            return;
        }
        erase_character(input);
        break;
    case INPUT_CTRL('u'):
        truncate_to(input, 0);
        break;
    case INPUT_CTRL('w'):
        erase_word(input);
        break;
    default:
        append(input, key);
    }
    if (input->ops->on_change != NULL)
        input->ops->on_change(input->arg, text_of(input));
}

static void input_free(struct screen *screen)
{
    struct input *input = (struct input *)screen;
    buf_done(&input->text);
    free(input);
}

static const struct screen_ops input_ops = {
    .title = "Input",
    .over = true,
    .where = input_where,
    .draw = input_draw,
    .key = input_key,
    .free = input_free,
};

struct screen *input_new(const char *prompt, const char *text, const struct input_ops *ops,
                         void *arg)
{
    struct input *input = mem_zalloc(sizeof *input);
    *input =
        (struct input){.screen = {.ops = &input_ops}, .prompt = prompt, .ops = ops, .arg = arg};
    buf_append_str(&input->text, text);
    return &input->screen;
}
