/* The keys that work here, from the keymap, in one row. */
#include "tui/app.h"

#include "core/base/text.h"
#include "tui/app_state.h"
#include "tui/page.h"

enum { MESSAGE_ROWS = 3 };

/* A footer is as many of the bindings with a label as there is room for; help
 * and the ways out of here stay, however narrow it is. */
/* " b build " */
static int footer_width(const struct app *app, const struct key_binding *binding)
{
    char name[KEYMAP_NAME_SIZE];
    keymap_name(name, binding->key, app->theme.ascii);
    return (int)(text_width(name) + text_width(binding->label) + 3);
}

static bool is_way_out(const struct key_binding *binding)
{
    return binding->command == COMMAND_HELP || binding->command == COMMAND_QUIT ||
           binding->command == COMMAND_BACK || binding->command == COMMAND_NEXT_PANE;
}

/* What --read-only answers with nothing but a no. */
static bool is_refused(const struct key_binding *binding)
{
    return binding->command == COMMAND_BUILD || binding->command == COMMAND_BUILD_AGAIN ||
           binding->command == COMMAND_RESTORE || binding->command == COMMAND_REPAIR;
}

/* Stopping is offered while there is something to stop. */
static bool is_offered(const struct app *app, const struct key_binding *binding, unsigned where)
{
    if ((binding->where & where) == 0 || binding->label == NULL)
        return false;
    if (app_read_only(app) && is_refused(binding))
        return false;
    return binding->command != COMMAND_STOP || where == KEYS_PROGRESS || app_build_runs(app);
}

void app_draw_footer(const struct app *app, const struct canvas *canvas, int y, int x, int width,
                     unsigned where)
{
    int reserved = 0;
    for (size_t i = 0; i < keymap_len; i++)
        if (is_offered(app, &keymap[i], where) && is_way_out(&keymap[i]))
            reserved += footer_width(app, &keymap[i]);
    int left = width;
    for (size_t i = 0; i < keymap_len; i++) {
        const struct key_binding *binding = &keymap[i];
        if (!is_offered(app, binding, where))
            continue;
        int need = footer_width(app, binding);
        if (is_way_out(binding))
            reserved -= need;
        if (need > left - reserved)
            continue;
        char name[KEYMAP_NAME_SIZE];
        keymap_name(name, binding->key, app->theme.ascii);
        int at = x + (width - left);
        at += canvas_text(canvas, y, at, 1, STYLE_NORMAL, " ");
        at += canvas_text(canvas, y, at, need, STYLE_KEY, name);
        canvas_printf(canvas, y, at, need, STYLE_NORMAL, " %s ", binding->label);
        left -= need;
    }
}

void app_draw_message(const struct app *app, const struct canvas *canvas, int y, int x, int width)
{
    struct page lines = {0};
    page_wrap(&lines, app->message_style, width - 2, app->message);
    int len = (int)page_len(&lines), rows = len < MESSAGE_ROWS ? len : MESSAGE_ROWS;
    for (int i = 0; i < rows; i++) {
        bool cut = i + 1 == rows && rows < len;
        struct canvas row = canvas_part(canvas, y - rows + 1 + i, x, 1, width);
        if (rows > 1)
            canvas_clear(&row);
        canvas_printf(&row, 0, 0, width, app->message_style, " %s%s ", lines.lines[i].text,
                      cut ? " ..." : "");
    }
    page_done(&lines);
}

void app_draw_bottom(const struct app *app, const struct canvas *canvas, unsigned where)
{
    int y = canvas->rows - 1;
    if (app->message != NULL)
        app_draw_message(app, canvas, y, 1, canvas->cols - 2);
    else
        app_draw_footer(app, canvas, y, 1, canvas->cols - 2, where);
}
