#include "tui/ask.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/page.h"

enum {
    FRAME_ROWS = 3, /* two edges and the keys */
    AIR_ROWS = 2,   /* where there is room */
};

struct ask {
    struct screen screen;
    const char *title, *yes;
    char *text;
    ask_yes_cb *on_yes;
    void *arg;
};

static unsigned ask_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_ASK;
}

static void draw_keys(const struct ask *ask, const struct canvas *box)
{
    static const char any[] = " no (any other key)";
    int y = box->rows - 1;
    int at = 1 + canvas_text(box, y, 1, box->cols, STYLE_KEY, "y");
    at += canvas_printf(box, y, at, box->cols, STYLE_NORMAL, " %s   ", ask->yes);
    at += canvas_text(box, y, at, box->cols, STYLE_KEY, "n");
    canvas_text(box, y, at, box->cols, STYLE_NORMAL,
                at + (int)strlen(any) <= box->cols ? any : " no");
}

static void ask_draw(struct screen *screen, const struct canvas *canvas)
{
    struct ask *ask = (struct ask *)screen;
    struct page page = {0};
    int width = canvas->cols > 64 ? 60 : canvas->cols;
    page_wrap(&page, STYLE_NORMAL, width - 4, ask->text);
    int lines = (int)page_len(&page), rows = lines + FRAME_ROWS + AIR_ROWS;
    int air = rows <= canvas->rows ? 1 : 0; /* an empty line before the keys */
    rows = rows <= canvas->rows ? rows : canvas->rows;
    struct canvas box =
        canvas_part(canvas, (canvas->rows - rows) / 2, (canvas->cols - width) / 2, rows, width);
    box = canvas_box(&box, STYLE_WARN, ask->title);
    struct canvas inside = canvas_part(&box, 0, 1, box.rows - 1 - air, box.cols - 2);
    page_draw(&page, &inside);
    draw_keys(ask, &box);
    page_done(&page);
}

static void ask_command(struct screen *screen, enum command command)
{
    struct ask *ask = (struct ask *)screen;
    app_close(screen);
    if (command == COMMAND_YES)
        ask->on_yes(ask->arg);
}

static void ask_free(struct screen *screen)
{
    struct ask *ask = (struct ask *)screen;
    free(ask->text);
    free(ask);
}

static const struct screen_ops ask_ops = {
    .title = "Question",
    .over = true,
    .where = ask_where,
    .draw = ask_draw,
    .command = ask_command,
    .free = ask_free,
};

struct screen *ask_new(const char *title, const char *text, const char *yes, ask_yes_cb *on_yes,
                       void *arg)
{
    struct ask *ask = mem_zalloc(sizeof *ask);
    *ask = (struct ask){{.ops = &ask_ops}, title, yes, mem_strdup(text), on_yes, arg};
    return &ask->screen;
}

bool ask_is(const struct screen *screen, ask_yes_cb *on_yes)
{
    return screen->ops == &ask_ops && ((const struct ask *)screen)->on_yes == on_yes;
}
